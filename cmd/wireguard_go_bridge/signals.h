/* Keeps the host's signal handlers off the stacks of goroutines: see signals.c. */
#ifndef WIREGUARD_GO_BRIDGE_SIGNALS_H
#define WIREGUARD_GO_BRIDGE_SIGNALS_H

#include <signal.h>

/* Blocks asynchronous signals on this thread, for a call into Go. *before gets the mask to restore. */
__attribute__((visibility("hidden"))) void wireguardEnterGo(sigset_t *before);

/* Restores the mask after the call. What arrived meanwhile is delivered before this returns. */
__attribute__((visibility("hidden"))) void wireguardLeaveGo(const sigset_t *before);

#endif
