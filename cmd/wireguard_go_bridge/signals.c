/* Keeps the host's signal handlers off the stacks of goroutines.
 *
 * A goroutine's stack is a few KiB on the heap. The kernel runs a signal handler on the stack that it
 * interrupts, unless the handler was installed with SA_ONSTACK. Go asks that of every handler in the
 * process, but libuv and most of C install theirs without, at any time. Such a handler overwrites
 * whatever lies below the goroutine's stack.
 *
 * So no thread that may run a goroutine takes an asynchronous signal: it goes to another thread of the
 * host, or waits until the call returns. This takes nothing from the host, not even a flag of its handlers.
 *
 *   - A thread of the host blocks them for as long as its call lasts (exports.c).
 *   - A thread of Go's is born with them blocked, and Go keeps the mask of its first thread for all.
 *   - Yet Go unblocks some in each thread's first moments, before any goroutine runs there: alwaysUnblocked.
 *     Only the thread itself can block them again, and no code of ours runs there at that time. But Go
 *     unblocks SIGURG with them, and changes no mask later, except for a moment that of os/signal's thread when
 *     Run begins and ends to listen. So every thread gets to Go with SIGURG blocked and pending: it is delivered
 *     by the very system call that unblocks the others, on a stack of C's, and the handler below adds them to
 *     the mask that its return restores.
 *
 * SIGURG stays unblocked, for Go interrupts long-running goroutines by it; its handler has SA_ONSTACK. A fault
 * (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS) must reach whoever handles it, and the kernel ends a process
 * that has blocked one. SIGABRT is abort(3)'s way to the host's handler. */
#define _GNU_SOURCE

#include "signals.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

/* Marked _SigUnblock in Go's runtime/sigtab_linux_generic.go, and not a fault. 34 is SIGRTMIN, a signal like
 * any other with glibc; what is below that is glibc's own. */
static const int alwaysUnblocked[] = {
	SIGCHLD,
	SIGPROF,
	34,
#ifdef SIGSTKFLT /* MIPS has none */
	SIGSTKFLT,
#endif
};

/* True while this thread may run goroutines. The handler reads it: initial-exec needs no allocation. */
static _Thread_local volatile sig_atomic_t inGo __attribute__((tls_model("initial-exec")));

/* True once Go has set this thread up, and so changes its mask no more. */
static _Thread_local int knownToGo __attribute__((tls_model("initial-exec")));

/* True while a SIGURG of sendUrgent's waits on this thread. */
static _Thread_local volatile sig_atomic_t urgentSent __attribute__((tls_model("initial-exec")));

/* True once a SIGURG has been handed on to the host. */
static _Thread_local volatile sig_atomic_t handedOn __attribute__((tls_model("initial-exec")));

static struct sigaction hostUrgent; /* how SIGURG was handled before the library was loaded */
static struct sigaction goUrgent;   /* how Go handles it */

/* Calls the host's handler for what did not come from this process, as Go's own SIGURG does. */
static void handToHost(int number, siginfo_t *info, void *context)
{
	handedOn = 1;
	if (info->si_code == SI_TKILL && info->si_pid == getpid())
		return;
	if ((hostUrgent.sa_flags & SA_SIGINFO) != 0)
		hostUrgent.sa_sigaction(number, info, context);
	else if (hostUrgent.sa_handler != SIG_DFL && hostUrgent.sa_handler != SIG_IGN)
		hostUrgent.sa_handler(number);
}

/* Go replaces the host's handler, and hands on to it only until Go has started. So Go finds handToHost there.
 * Priority 101 is the first that is free: before Go's constructor, which has none. */
__attribute__((constructor(101))) static void keepHostUrgent(void)
{
	sigaction(SIGURG, NULL, &hostUrgent);
	if (hostUrgent.sa_handler == SIG_DFL || hostUrgent.sa_handler == SIG_IGN)
		return;
	struct sigaction kept = hostUrgent;
	kept.sa_sigaction = handToHost;
	kept.sa_flags |= SA_SIGINFO;
	sigaction(SIGURG, &kept, NULL);
}

static void handleUrgent(int number, siginfo_t *info, void *context)
{
	int error = errno;
	if (urgentSent) {
		urgentSent = 0;
	} else {
		handedOn = 0;
		goUrgent.sa_sigaction(number, info, context);
		if (!handedOn)
			handToHost(number, info, context);
	}
	if (inGo) {
		sigset_t *restored = &((ucontext_t *)context)->uc_sigmask;
		for (size_t i = 0; i < sizeof alwaysUnblocked / sizeof *alwaysUnblocked; i++)
			sigaddset(restored, alwaysUnblocked[i]);
	}
	errno = error;
}

static void extendUrgent(void)
{
	sigaction(SIGURG, NULL, &goUrgent);
	struct sigaction extended = goUrgent;
	extended.sa_sigaction = handleUrgent;
	sigaction(SIGURG, &extended, NULL);
}

/* sigfillset leaves out the two signals that glibc uses itself, to cancel threads and for setuid(2). */
static void fillAsynchronous(sigset_t *set)
{
	static const int others[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGURG};
	sigfillset(set);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		sigdelset(set, others[i]);
}

/* Makes SIGURG wait for Go to unblock it. */
static void sendUrgent(void)
{
	sigset_t urgent;
	sigemptyset(&urgent);
	sigaddset(&urgent, SIGURG);
	pthread_sigmask(SIG_BLOCK, &urgent, NULL);
	urgentSent = 1;
	pthread_kill(pthread_self(), SIGURG);
}

void wireguardEnterGo(sigset_t *before)
{
	sigset_t asynchronous;
	fillAsynchronous(&asynchronous);
	pthread_sigmask(SIG_BLOCK, &asynchronous, before);
	inGo = 1;
	if (!knownToGo) {
		sendUrgent();
		knownToGo = 1;
	}
}

void wireguardLeaveGo(const sigset_t *before)
{
	inGo = 0; /* first: a late SIGURG must not change the host's mask */
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

struct thread {
	void *(*start)(void *);
	void *argument;
};

static void *startThread(void *argument)
{
	struct thread thread = *(struct thread *)argument;
	free(argument);
	inGo = 1;
	sendUrgent();
	return thread.start(thread.argument);
}

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* The linker's option --wrap makes each pthread_create of this library's, which is Go's runtime alone, a call
 * to this. The first one comes right after Go has installed its handlers, while the library is loaded. */
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct thread *thread = malloc(sizeof *thread);
	if (thread == NULL)
		return EAGAIN;
	pthread_once(&once, extendUrgent);
	*thread = (struct thread){start, argument};

	sigset_t asynchronous, before;
	fillAsynchronous(&asynchronous);
	pthread_sigmask(SIG_BLOCK, &asynchronous, &before);
	int error = __real_pthread_create(id, attributes, startThread, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		free(thread);
	return error;
}
