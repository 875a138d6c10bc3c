/* wireguard_go_bridge.so: WireGuard in userspace, inside the calling process.
 *
 * ABI version 1.4.0. The version follows semver.org: within one major number functions and values
 * are only added.
 *
 * Rules for every function
 *   - A result below 0 is a negative errno(7) value; wgLastError and wgLastCode say more about it.
 *   - Strings that are passed in are UTF-8 and end with a NUL; they are not kept after the call.
 *   - Strings that come back are written into the caller's buffer, with a final NUL. The result is
 *     their length in bytes without the NUL. -ERANGE: the buffer is too small; nothing was done.
 *   - A string or buffer that is NULL, or a buffer without a size of 1 byte or more, gives -EINVAL.
 *   - An unknown or closed handle gives -EBADF, also if another thread closes it during the call.
 *   - A panic in a call is caught: -ENOTRECOVERABLE. One in the engine's own threads is not, and
 *     ends the process.
 *   - Calls may come from any thread, also at the same time.
 *   - The library holds a Go runtime: load it once, never unload it, not in a thread that ends.
 *   - Loading it takes two file descriptors for good, and a few for a moment. Go ends the process if there
 *     are none: look before. No later call does so.
 *
 * Signals
 *   - No asynchronous signal reaches a thread while it runs Go: calls block them all and restore the mask,
 *     and the library's own threads are born with them blocked. A signal goes to another thread of the
 *     host, or waits until the call returns. So handlers need no SA_ONSTACK, but leave one thread in
 *     which the signals that you wait for are not blocked.
 *   - Handlers of SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS and SIGABRT do need SA_ONSTACK: these
 *     signals are never blocked.
 *   - Loading the library replaces the handlers of SIGSEGV, SIGBUS, SIGFPE, SIGPIPE and SIGURG. Yours are
 *     still called: for faults in your own code, for SIGPIPE on your own threads, and for SIGURG from other
 *     processes. Install them before you load the library. SIGURG is Go's own from then on: a handler that
 *     replaces Go's ends the process sooner or later.
 *   - Only Run listens to signals, and only while it runs.
 */
#ifndef WIREGUARD_GO_BRIDGE_H
#define WIREGUARD_GO_BRIDGE_H

#ifdef __cplusplus
extern "C" {
#endif

/* How much is logged: WG_LOG_ERROR is what wireguard-go does unless LOG_LEVEL says otherwise. */
enum { WG_LOG_SILENT = 0, WG_LOG_ERROR = 1, WG_LOG_VERBOSE = 2 };

/* Runs the interface called name until SIGTERM or SIGINT, the interface's deletion or its socket's
 * removal, as the wireguard-go executable does in the foreground. Blocks for all that time. Logs to
 * standard output. Reads WG_TUN_FD, WG_UAPI_FD, WG_PROCESS_STATUS_FD and WG_BRIDGE_DISABLE from the
 * environment that the process was started with. Takes SIGTERM and SIGINT over while it runs and gives
 * them back when it returns.
 * Returns the executable's exit code: 0, or 1 with the reason in wgLastError(0, ...), which is not logged
 * as well. */
int Run(char *name, int logLevel);

/* Writes the library's ABI version, such as "1.4.0". */
int wgAbiVersion(char *buffer, int size);

/* Makes a handle for one tunnel. Returns it, 1 or more; no number is used twice. Free it with
 * wgClose. */
int wgNew(void);

/* Disables features of the tunnel that is to be opened, if a kernel or network does them wrongly. Since 1.1.0. Call it before wgOpen: -EBUSY. It replaces what an earlier call said.
 *   features  names with commas between them, and "" for none:
 *             tso4, tso6, uso  TCP segments over IPv4 and over IPv6, and UDP datagrams, cross the TUN
 *                              interface many as one
 *             udp-segment      the kernel cuts what the UDP sockets send as one (UDP_SEGMENT)
 *             udp-gro          the kernel joins what they receive (UDP_GRO)
 *             in-flight-limit  256 packets may be on their way through the engine, not 8,192
 *             avx512           packets are encrypted with AVX-512, if the processor has it; while one
 *                              tunnel of the process does without, none uses it. Since 1.4.0.
 *             aqm              senders that fill the queue before the engine are slowed down; since 1.4.0
 *             all              all of these
 * Errors: -EINVAL an unknown name; nothing was changed. */
int wgDisable(int handle, char *features);

/* Opens the handle's tunnel and serves its UAPI socket, /var/run/wireguard/NAME.sock. Returns 0 when
 * the tunnel answers. Once for each handle.
 *   name      1 to 15 bytes; "%d" in it lets the kernel choose a number, see wgName
 *   mtu       bytes, up to 65535; 0 means 1420
 *   logLevel  WG_LOG_*; nothing is logged without wgLogFd before
 *   tunFd     an open TUN interface to take instead of making one, or -1
 *   uapiFd    a listening UAPI socket to take, or -1
 *             Both are the library's own from here on: it has closed them when it returns an error, any
 *             error.
 * Errors: -EINVAL the name, the MTU or a descriptor cannot be used; -EBUSY the interface exists, or the
 * handle is open; -EADDRINUSE another program serves the socket; -ENOENT, -ENODEV no /dev/net/tun;
 * -EPERM, -EACCES no permission, or a user other than root and this one could serve sockets in the
 * directory, or does; -EMFILE, -ENFILE too few descriptors, also for the six that a running tunnel
 * needs. After an error nothing is left behind but the handle. */
int wgOpen(int handle, char *name, int mtu, int logLevel, int tunFd, int uapiFd);

/* Opens the handle's tunnel without an interface, for which no privileges are needed: its TCP/IP stack is in this
 * process, and a socket, the station, offers streams, UDP sockets and the configuration of the tunnel to this process
 * alone. docs/station.md describes the protocol. Returns 0 when the station answers. Once for each handle, in place
 * of wgOpen. Since 1.3.0.
 *   stationPath  of the socket, absolute and up to 107 bytes long. Its directory must exist, and only this user
 *                may use it (mode 0700). The library removes the socket when the tunnel ends, not the directory.
 *   mtu          bytes, 1280 to 65535; 0 means 1420
 *   logLevel     WG_LOG_*; nothing is logged without wgLogFd before
 * Errors: -EINVAL the path or the MTU cannot be used; -EBUSY the handle is open; -EADDRINUSE something is at the
 * path; -ENOENT, -ENOTDIR no such directory; -EPERM, -EACCES others may use the directory, or no permission;
 * -EMFILE, -ENFILE too few descriptors. After an error nothing is left behind but the handle. */
int wgOpenUserspace(int handle, const char *stationPath, int mtu, int logLevel);

/* Writes the real name of the tunnel's interface, or "userspace". -ENOTCONN: not open. */
int wgName(int handle, char *buffer, int size);

/* Runs one request of the configuration protocol (https://www.wireguard.com/xplatform/): "get=1" or
 * "set=1" and its lines, with the empty line that ends it. Writes the whole answer, which ends with
 * "errno=N" and an empty line, without a NUL, and returns its length.
 * Since 1.4.0 "wg_bridge=1" and an empty line ask what the engine is: "cipher=" and the instructions by which
 * ChaCha20-Poly1305 runs now ("AVX-512", "AVX2", "NEON", "generic", ...). Ignore lines that you do not know.
 * The buffer must have 64 bytes or more. An answer to a set always fits into that. If one to a
 * get does not fit, the result is -ERANGE, and it can be asked again.
 * Both buffers may hold private keys: the library keeps no copy of either, but the engine does. Overwrite
 * them when you no longer need them.
 * Errors: -EPROTO not one whole request, or something follows it; -ENOTCONN not open; -ENODEV the tunnel
 * has ended. */
int wgExchange(int handle, char *request, int requestLength, char *answer, int size);

/* Returns the reading end of a stream of log lines, which the caller owns and closes. Call it before
 * wgOpen, and once: -EBUSY. The tunnel never waits for the reader: lines that find no room are
 * dropped, and counted in a later line. The stream ends with wgClose. */
int wgLogFd(int handle);

/* Returns the reading end of a stream that gets one line when the tunnel has ended, by whatever
 * cause, and then ends. The caller owns and closes it. Call it after wgOpen, and once: -EBUSY.
 * The line is "closed", "interface-deleted", "interface-failed", "socket-removed",
 * "listener-failed" or "bind-failed", and if something failed on the way ": " and a text. */
int wgEndFd(int handle);

/* Writes what failed last on the handle, in one line; on handle 0, what failed last in Run or wgNew.
 * Empty if nothing has failed. */
int wgLastError(int handle, char *buffer, int size);

/* Writes a code for the failure that wgLastError describes, for programs to compare. Since 1.2.0.
 *   WG_BRIDGE_INTERFACE_NAME    the name is not an interface's
 *   WG_BRIDGE_INTERFACE_EXISTS  the interface exists
 *   WG_BRIDGE_SOCKET_IN_USE     another program serves the interface's UAPI socket
 *   WG_BRIDGE_NO_TUN            there is no /dev/net/tun, or no driver for it
 *   WG_BRIDGE_PERMISSION        this user may not make the interface or the socket
 *   WG_BRIDGE_UNTRUSTED         another user could serve the UAPI socket
 *   WG_BRIDGE_RESOURCES         the process or the machine has run out of descriptors or memory
 *   WG_BRIDGE_VALUE             a descriptor or another argument cannot be used
 *   WG_BRIDGE_FEATURE_UNKNOWN   there is no feature of that name to disable
 *   WG_BRIDGE_LOST              Run's tunnel ended because something failed, as for wgEndFd
 *   WG_BRIDGE_ENGINE            anything else
 * Later versions may add codes. */
int wgLastCode(int handle, char *buffer, int size);

/* Returns the errno of that failure, 0 if nothing has failed: what Run does not return. Since 1.2.0. */
int wgLastErrno(int handle);

/* Ends the handle's tunnel, if it has one, and frees the handle. Returns when the interface, the
 * socket and every thread's work are gone, which may take some milliseconds. */
int wgClose(int handle);

/* Returns how many goroutines the library has: what a leak test watches beside files and threads. */
int wgGoroutines(void);

#ifdef __cplusplus
}
#endif
#endif
