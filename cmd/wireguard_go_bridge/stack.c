/* Makes a call from the host's main thread cheap, on whatever stack it comes.
 *
 * Go must know the bounds of the stack that it is called on. It keeps those of a thread's own stack. But koffi and
 * other callers switch to a stack of theirs, and then Go asks for the bounds anew in each call. glibc answers for the
 * main thread by reading /proc/self/maps, 100 to 300 microseconds in a process as large as Node.js. A thread's stack
 * stays where it is, so each thread asks glibc once. */
#define _GNU_SOURCE

#include <pthread.h>

static _Thread_local void *lowest __attribute__((tls_model("initial-exec")));
static _Thread_local size_t size __attribute__((tls_model("initial-exec"))); /* 0: not asked yet */

int __real_pthread_getattr_np(pthread_t, pthread_attr_t *);

/* The linker's option --wrap makes each pthread_getattr_np of this library's, which is Go's runtime alone, a call to
 * this. Go asks each thread about itself, and only for its stack. */
int __wrap_pthread_getattr_np(pthread_t id, pthread_attr_t *attributes)
{
	if (size != 0)
		return pthread_attr_setstack(attributes, lowest, size);
	int error = __real_pthread_getattr_np(id, attributes);
	if (error == 0)
		pthread_attr_getstack(attributes, &lowest, &size);
	return error;
}
