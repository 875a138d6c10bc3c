/* The library's functions: each calls its namesake in main.go, with the calling thread's signals blocked. */
#include "_cgo_export.h"
#include "signals.h"
#include "wireguard_go_bridge.h"

#define RETURN_FROM_GO(call)           \
	do {                               \
		sigset_t before;               \
		wireguardEnterGo(&before);     \
		int result = call;             \
		wireguardLeaveGo(&before);     \
		return result;                 \
	} while (0)

int Run(char *name, int logLevel) { RETURN_FROM_GO(goRun(name, logLevel)); }

int wgAbiVersion(char *buffer, int size) { RETURN_FROM_GO(goAbiVersion(buffer, size)); }

int wgNew(void) { RETURN_FROM_GO(goNew()); }

int wgDisable(int handle, char *features) { RETURN_FROM_GO(goDisable(handle, features)); }

int wgOpen(int handle, char *name, int mtu, int logLevel, int tunFd, int uapiFd)
{
	RETURN_FROM_GO(goOpen(handle, name, mtu, logLevel, tunFd, uapiFd));
}

int wgOpenUserspace(int handle, const char *stationPath, int mtu, int logLevel)
{
	RETURN_FROM_GO(goOpenUserspace(handle, (char *)stationPath, mtu, logLevel));
}

int wgName(int handle, char *buffer, int size) { RETURN_FROM_GO(goName(handle, buffer, size)); }

int wgExchange(int handle, char *request, int requestLength, char *answer, int size)
{
	RETURN_FROM_GO(goExchange(handle, request, requestLength, answer, size));
}

int wgLogFd(int handle) { RETURN_FROM_GO(goLogFd(handle)); }

int wgEndFd(int handle) { RETURN_FROM_GO(goEndFd(handle)); }

int wgLastError(int handle, char *buffer, int size)
{
	RETURN_FROM_GO(goLastError(handle, buffer, size));
}

int wgLastCode(int handle, char *buffer, int size)
{
	RETURN_FROM_GO(goLastCode(handle, buffer, size));
}

int wgLastErrno(int handle) { RETURN_FROM_GO(goLastErrno(handle)); }

int wgClose(int handle) { RETURN_FROM_GO(goClose(handle)); }

int wgGoroutines(void) { RETURN_FROM_GO(goGoroutines()); }
