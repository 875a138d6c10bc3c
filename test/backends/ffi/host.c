/* host LIBRARY: a C program with signal handlers of its own, without SA_ONSTACK. A child and a timer keep sending
 * it signals while four threads open, query and close tunnels. First all of the host's threads block these signals,
 * so that only Go's threads could receive them; then the four threads unblock them. Exits with 0 if each call
 * restored the thread's mask and each handler ran, always on the stack of one of the host's threads. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { threads = 4, rounds = 10, exchanges = 20 };

static int (*new_handle)(void);
static int (*open_tunnel)(int, char *, int, int, int, int);
static int (*exchange)(int, char *, int, char *, int);
static int (*close_tunnel)(int);

static volatile sig_atomic_t seen[65], strayed;
static const int sent[] = {SIGALRM, SIGUSR1, SIGPROF, SIGCHLD, SIGSTKFLT, 34 /* SIGRTMIN */};
static const size_t kinds = sizeof sent / sizeof *sent;
static sigset_t all, mask; /* the signals that are sent; those that the four threads block */
static _Thread_local char *stack, *stack_end;
static sigjmp_buf after_fault;

static void expect(int holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "false: %s\n", what);
		exit(1);
	}
}

static void see(int number)
{
	char here;
	seen[number] = 1;
	if (&here < stack || &here >= stack_end)
		strayed = number;
}

static void count_urgent(int number) { seen[number]++; }

static void leave_fault(int number)
{
	seen[number] = 1;
	siglongjmp(after_fault, 1);
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	expect(sigaction(number, &action, NULL) == 0, "the handler is installed");
}

/* Records where this thread's stack is, and blocks signals. */
static void begin_thread(const sigset_t *blocked)
{
	pthread_attr_t attributes;
	void *base;
	size_t size;
	expect(pthread_getattr_np(pthread_self(), &attributes) == 0, "a thread knows its stack");
	pthread_attr_getstack(&attributes, &base, &size);
	pthread_attr_destroy(&attributes);
	stack = base;
	stack_end = stack + size;
	pthread_sigmask(SIG_SETMASK, blocked, NULL);
}

static void expect_mask(void)
{
	sigset_t now;
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	for (int number = 1; number <= 64; number++)
		expect(sigismember(&now, number) == sigismember(&mask, number), "a call restores the mask");
}

static void *work(void *number)
{
	begin_thread(&mask);
	for (int round = 0; round < rounds; round++) {
		char name[16], answer[4096];
		snprintf(name, sizeof name, "wgc%d", *(int *)number);
		int handle = new_handle();
		expect_mask();
		expect(open_tunnel(handle, name, 0, 0, -1, -1) == 0, "a tunnel opens");
		expect_mask();
		for (int times = 0; times < exchanges; times++)
			expect(exchange(handle, "get=1\n\n", 7, answer, sizeof answer) > 0, "it answers");
		expect(close_tunnel(handle) == 0, "it closes");
		expect_mask();
	}
	return NULL;
}

/* Starts a child that sends this process all signals every 100 microseconds. */
static pid_t start_sender(void)
{
	pid_t host = getpid(), child = fork();
	expect(child >= 0, "a child starts");
	if (child > 0)
		return child;
	while (getppid() == host) {
		for (size_t i = 0; i < kinds; i++)
			kill(host, sent[i]);
		nanosleep(&(struct timespec){0, 100000}, NULL);
	}
	_exit(0);
}

static void *find(void *library, const char *name)
{
	void *function = dlsym(library, name);
	expect(function != NULL, name);
	return function;
}

static void work_in_threads(void)
{
	pthread_t ids[threads];
	int numbers[threads];
	for (int i = 0; i < threads; i++) {
		numbers[i] = i;
		expect(pthread_create(&ids[i], NULL, work, &numbers[i]) == 0, "a thread starts");
	}
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
}

static void handle_all(void)
{
	for (size_t i = 0; i < kinds; i++)
		handle(sent[i], see);
}

int main(int count, char **arguments)
{
	expect(count == 2, "usage: host LIBRARY");
	handle_all();
	handle(SIGURG, count_urgent);
	handle(SIGSEGV, leave_fault);
	sigemptyset(&all);
	for (size_t i = 0; i < kinds; i++)
		sigaddset(&all, sent[i]);
	begin_thread(&all);

	void *library = dlopen(arguments[1], RTLD_NOW);
	expect(library != NULL, "the library loads");
	*(void **)&new_handle = find(library, "wgNew");
	*(void **)&open_tunnel = find(library, "wgOpen");
	*(void **)&exchange = find(library, "wgExchange");
	*(void **)&close_tunnel = find(library, "wgClose");
	handle_all(); /* again: Go has added SA_ONSTACK */

	close_tunnel(new_handle());
	expect(seen[SIGURG] == 0, "Go's own SIGURG does not reach the host's handler");
	pid_t child = fork();
	if (child == 0)
		_exit(kill(getppid(), SIGURG));
	waitpid(child, NULL, 0);
	expect(seen[SIGURG] == 1, "SIGURG from outside reaches the handler installed before the library, once");

	pid_t sender = start_sender(); /* before any tunnel: a child would keep its files open */
	/* The profiler's timer prefers the thread that is running. */
	setitimer(ITIMER_PROF, &(struct itimerval){{0, 100}, {0, 100}}, NULL);

	mask = all;
	work_in_threads();
	for (size_t i = 0; i < kinds; i++)
		expect(!seen[sent[i]], "no thread receives a signal that all of the host's threads block");
	sigemptyset(&mask);
	work_in_threads();
	for (size_t i = 0; i < kinds; i++)
		expect(seen[sent[i]], "each handler runs once its signal is not blocked");
	expect(!strayed, "no handler runs on one of Go's stacks");
	kill(sender, SIGKILL);
	waitpid(sender, NULL, 0);

	if (sigsetjmp(after_fault, 1) == 0)
		*(volatile int *)NULL = 1;
	expect(seen[SIGSEGV], "a segmentation fault of the host reaches its handler");
	puts("ok");
	return 0;
}
