/* Looking up names without blocking the loop: see names.h. */
#include "executors/io/names.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "planner/base/arena.h"

enum {
	KNOWN_MS = 60000,       /* how long an answer is kept */
	FAILED_MS = 5000,       /* how long a failure is kept, for nodes that ask together */
	STACK = 512 * 1024,     /* of a thread; NSS modules need some */
};

/* Shared by the thread and the loop; whoever leaves last frees it. */
struct question {
	char *host;
	int done;               /* an eventfd */
	atomic_int owners;
	int code, system;       /* the result of getaddrinfo(), and its errno */
	struct addrinfo *list;
};

struct name {
	struct name *next;
	char *host;
	struct question *question;      /* NULL: answered */
	enum name_state state;
	long long at;                   /* loop_now() of the answer */
	struct addrinfo *list;
	struct err why;
	struct name_ask *asks;          /* those that wait */
};

/* All names of this process. Only the loop's thread uses the list. */
static struct name *names;

static void
names_question_leave(struct question *q)
{
	if (atomic_fetch_sub(&q->owners, 1) > 1)
		return;
	if (q->list)
		freeaddrinfo(q->list);
	close(q->done);
	free(q->host);
	free(q);
}

static void *
names_look_up(void *arg)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct question *q = arg;

	q->code = getaddrinfo(q->host, NULL, &hints, &q->list);
	q->system = errno;
	if (q->code)
		q->list = NULL;
	(void)!write(q->done, &(uint64_t){1}, sizeof(uint64_t));
	names_question_leave(q);
	return NULL;
}

/* False with errno set: no thread could be started. */
static bool
names_question_start(struct question *q)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t id;
	int code;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* Only the loop handles signals. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	code = pthread_create(&id, &attr, names_look_up, q);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	errno = code;
	return code == 0;
}

static void
names_settle(struct name *n, int code, int system)
{
	bool failed = code || !n->list;

	n->at = loop_now();
	if (code == EAI_SYSTEM)
		err_set(&n->why, "%s", strerror(system));
	else if (failed)
		err_set(&n->why, "%s", gai_strerror(code ? code : EAI_NONAME));
	n->state = failed ? NAME_FAILED : NAME_KNOWN;
}

static void
names_on_answer(void *arg, short revents)
{
	struct name *n = arg;
	struct question *q = n->question;
	struct name_ask *asks = n->asks;

	(void)revents;
	loop_fd(asks->loop, q->done, 0, NULL, NULL);
	n->list = q->list;
	q->list = NULL;
	n->question = NULL;
	names_settle(n, q->code, q->system);
	names_question_leave(q);
	while (n->asks) {
		struct name_ask *a = n->asks;

		n->asks = a->next;
		a->name = NULL;
		a->heard(a->arg);
	}
}

static void
names_ask(struct name *n)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	struct question *q;

	if (n->list)
		freeaddrinfo(n->list);
	n->list = NULL;
	n->state = NAME_WAITS;
	if (getaddrinfo(n->host, NULL, &hints, &n->list) == 0) {
		names_settle(n, 0, 0);
		return;
	}
	n->list = NULL;
	q = n->question = xcalloc(1, sizeof *q);
	q->host = xstrdup(n->host);
	q->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	atomic_init(&q->owners, 2);
	if (q->done >= 0 && names_question_start(q))
		return;
	names_settle(n, EAI_SYSTEM, errno);
	n->question = NULL;
	/* No thread was started: we are the only owner. */
	atomic_store(&q->owners, 1);
	names_question_leave(q);
}

/* Take an answer that came when nobody waited any more; ask again if it is too old. */
static void
names_refresh(struct name *n)
{
	struct pollfd p = {.fd = n->question ? n->question->done : -1, .events = POLLIN};

	if (n->question && !n->asks && poll(&p, 1, 0) > 0) {
		struct question *q = n->question;

		n->list = q->list;
		q->list = NULL;
		n->question = NULL;
		names_settle(n, q->code, q->system);
		names_question_leave(q);
	}
	if (!n->question && loop_now() - n->at >= (n->state == NAME_KNOWN ? KNOWN_MS : FAILED_MS))
		names_ask(n);
}

static struct name *
names_name_of(const char *host)
{
	struct name *n;

	for (n = names; n; n = n->next)
		if (strcmp(n->host, host) == 0) {
			names_refresh(n);
			return n;
		}
	n = xcalloc(1, sizeof *n);
	*n = (struct name){.next = names, .host = xstrdup(host)};
	names = n;
	names_ask(n);
	return n;
}

static void
names_copy(struct name_ask *a, const struct addrinfo *list, int port)
{
	size_t n = 0;

	for (const struct addrinfo *i = list; i; i = i->ai_next)
		n++;
	a->v = xcalloc(n, sizeof *a->v);
	for (; list; list = list->ai_next) {
		struct name_addr *to = &a->v[a->n];

		if (list->ai_addrlen > sizeof to->sa ||
		    (list->ai_family != AF_INET && list->ai_family != AF_INET6))
			continue;
		memcpy(&to->sa, list->ai_addr, list->ai_addrlen);
		to->len = list->ai_addrlen;
		if (list->ai_family == AF_INET)
			((struct sockaddr_in *)&to->sa)->sin_port = htons((uint16_t)port);
		else
			((struct sockaddr_in6 *)&to->sa)->sin6_port = htons((uint16_t)port);
		a->n++;
	}
}

enum name_state
name_find(struct name_ask *a, struct loop *l, const char *host, int port, void (*heard)(void *),
	  void *arg, struct err *e)
{
	struct name *n;

	if (a->name)
		return NAME_WAITS;
	if (a->v)
		return NAME_KNOWN;
	n = names_name_of(host);
	if (n->state == NAME_FAILED) {
		err_set(e, "find '%s': %s", host, n->why.text);
		return NAME_FAILED;
	}
	if (n->state == NAME_KNOWN) {
		names_copy(a, n->list, port);
		if (a->n)
			return NAME_KNOWN;
		name_release(a);
		err_set(e, "find '%s': it has no IPv4 or IPv6 address", host);
		return NAME_FAILED;
	}
	*a = (struct name_ask){.loop = l, .name = n, .heard = heard, .arg = arg, .next = n->asks};
	if (!n->asks && n->question)
		loop_fd(l, n->question->done, POLLIN, names_on_answer, n);
	n->asks = a;
	return NAME_WAITS;
}

void
name_release(struct name_ask *a)
{
	struct name *n = a->name;

	for (struct name_ask **at = n ? &n->asks : NULL; at && *at; at = &(*at)->next)
		if (*at == a) {
			*at = a->next;
			break;
		}
	/* The loop may be freed before the answer comes. */
	if (n && !n->asks && n->question)
		loop_fd(a->loop, n->question->done, 0, NULL, NULL);
	free(a->v);
	*a = (struct name_ask){0};
}

const struct passwd *
name_me(void)
{
	static const struct passwd *me;
	static bool asked;

	if (!asked)
		me = getpwuid(getuid());
	asked = true;
	return me;
}
