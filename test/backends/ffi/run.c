/* run LIBRARY INTERFACE: runs the interface while nobody reads standard output, until SIGTERM. SIGPIPE has its
 * default action, to end the process. Exits with what Run returns. */
#include <dlfcn.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	int ends[2];
	void *library = count == 3 ? dlopen(arguments[1], RTLD_NOW) : NULL;
	if (library == NULL || pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0 || close(ends[0]) != 0)
		return 100;
	int (*run)(char *, int);
	*(void **)&run = dlsym(library, "Run");
	return run(arguments[2], 2);
}
