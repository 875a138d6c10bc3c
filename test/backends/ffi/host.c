/* host LIBRARY: a program in C with signal handlers of its own, none of them with SA_ONSTACK. It blocks the
 * signals that a child and a timer send in all threads, so that Go's threads alone might take them, while
 * four threads open, ask and close tunnels. Exits 0 if each call gave the thread its mask back, and each handler
 * still runs. */
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

enum { threads = 4, rounds = 25, exchanges = 20 };

static int (*new_handle)(void);
static int (*open_tunnel)(int, char *, int, int, int, int);
static int (*exchange)(int, char *, int, char *, int);
static int (*close_tunnel)(int);

static volatile sig_atomic_t seen[65];
static const int sent[] = {SIGALRM, SIGUSR1, SIGPROF, SIGCHLD, SIGSTKFLT, 34 /* SIGRTMIN */};
static const size_t kinds = sizeof sent / sizeof *sent;
static sigset_t blocked;
static sigjmp_buf after_fault;

static void expect(int holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "not so: %s\n", what);
		exit(1);
	}
}

static void see(int number) { seen[number] = 1; }

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

static void expect_mask(void)
{
	sigset_t now;
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	for (int number = 1; number <= 64; number++)
		expect(sigismember(&now, number) == sigismember(&blocked, number), "a call restores the mask");
}

static void *work(void *number)
{
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

/* Sends the parent all signals every 100 microseconds. */
static pid_t start_sender(void)
{
	pid_t host = getpid(), child = fork();
	expect(child >= 0, "a child starts");
	if (child > 0)
		return child;
	while (getppid() == host) {
		for (size_t i = 0; i < kinds; i++)
			kill(host, sent[i]);
		kill(host, SIGURG);
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

int main(int count, char **arguments)
{
	expect(count == 2, "usage: host LIBRARY");
	handle(SIGURG, see);
	handle(SIGSEGV, leave_fault);
	for (size_t i = 0; i < kinds; i++)
		handle(sent[i], see);
	sigemptyset(&blocked);
	for (size_t i = 0; i < kinds; i++)
		sigaddset(&blocked, sent[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	pid_t sender = start_sender(); /* before there are tunnels, whose files it would keep open */
	void *library = dlopen(arguments[1], RTLD_NOW);
	expect(library != NULL, "the library loads");
	*(void **)&new_handle = find(library, "wgNew");
	*(void **)&open_tunnel = find(library, "wgOpen");
	*(void **)&exchange = find(library, "wgExchange");
	*(void **)&close_tunnel = find(library, "wgClose");

	for (size_t i = 0; i < kinds; i++)
		handle(sent[i], see); /* Go has added SA_ONSTACK */
	/* The profiler's timer prefers the thread that is running. */
	setitimer(ITIMER_PROF, &(struct itimerval){{0, 100}, {0, 100}}, NULL);

	pthread_t ids[threads];
	int numbers[threads];
	for (int i = 0; i < threads; i++) {
		numbers[i] = i;
		expect(pthread_create(&ids[i], NULL, work, &numbers[i]) == 0, "a thread starts");
	}
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	kill(sender, SIGKILL);
	waitpid(sender, NULL, 0);
	expect(seen[SIGURG], "the handler of SIGURG runs that was there before the library");
	for (size_t i = 0; i < kinds; i++)
		expect(!seen[sent[i]], "no thread took what all of the host's blocked");

	sigemptyset(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	for (size_t i = 0; i < kinds; i++)
		expect(seen[sent[i]], "each handler runs when its signal is unblocked");
	if (sigsetjmp(after_fault, 1) == 0)
		*(volatile int *)NULL = 1;
	expect(seen[SIGSEGV], "a fault of the host's reaches its handler");
	puts("ok");
	return 0;
}
