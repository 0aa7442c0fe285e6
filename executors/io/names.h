#ifndef EXECUTORS_NAMES_H
#define EXECUTORS_NAMES_H

#include <pwd.h>
#include <sys/socket.h>

#include "executors/io/loop.h"

/*
 * Looks up names without blocking the loop: getaddrinfo() blocks for ten seconds and more
 * where no server answers. Each name has its own thread, which touches nothing else.
 * Everybody who asks for the same name within a minute shares one lookup. A caller may
 * leave before the answer; the thread ends with the resolver or with the process.
 */
struct name;

struct name_addr {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* One lookup of one caller; {0} before it, and after name_release(). */
struct name_ask {
	struct name_addr *v;            /* the addresses with the port, once known */
	size_t n;
	struct loop *loop;
	struct name *name;              /* what is waited for */
	void (*heard)(void *arg);
	void *arg;
	struct name_ask *next;
};

enum name_state { NAME_WAITS, NAME_KNOWN, NAME_FAILED };

/* What is known about the host now. NAME_WAITS: the loop calls heard() once, when it is time
 * to ask again; until then the answer stays the same. NAME_FAILED: e says why. All that wait
 * at the same time must use the same loop. */
enum name_state name_find(struct name_ask *, struct loop *, const char *host, int port,
			  void (*heard)(void *arg), void *arg, struct err *e);
void name_release(struct name_ask *);

/* The passwd entry of the user, or NULL. Asked once, because a directory may be slow. */
const struct passwd *name_me(void);

#endif
