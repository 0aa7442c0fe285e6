#ifndef EXECUTORS_HTTP_H
#define EXECUTORS_HTTP_H

#include "executors/loop.h"
#include "executors/session.h"
#include "planner/base/str.h"

/*
 * HTTP for the controller: the Hub's API, the pinned script, the probe, and what Lua
 * files ask for. TLS is always checked, only http and https, bodies and headers are
 * bounded. GET and HEAD without a body follow redirects, never from https to http; the
 * token is not carried to another host, and with headers of one's own no other host is
 * gone to at all.
 */
enum {
	HTTP_MAX_HEADERS = 64,
	HTTP_MAX_HEAD = 32 * 1024,      /* bytes of headers, of a request and of an answer */
};

struct http_header {
	const char *name, *value;
};

struct http {
	const char *method, *url;
	const char *bearer;             /* a token, or NULL */
	const struct http_header *header;       /* more of them; checked by http_start() */
	size_t nheader;
	const char *body;               /* JSON unless a header says what; or NULL */
	size_t nbody;                   /* its bytes; 0: up to its NUL */
	long timeout_ms;                /* whole transfer; 0: 30 s */
	size_t max;                     /* bytes of body kept; 0: 4 MiB */
	struct session *via;            /* through this node's connection, or NULL */
	bool no_redirects;              /* a redirect is the answer */
	size_t first;                   /* only so many bytes of the start are wanted; a server
					 * that sends all the same is cut short. 0: all */
	/* answer */
	long status;                    /* 0: none came */
	struct str answer;
	struct str head;                /* for http_next_header() */
	char error_code[64];            /* X-Error-Code of the Hub, or "" */
	struct err err;                 /* when status is 0 */
	void (*done)(struct http *);
	void *owner;
	struct http_transfer *transfer; /* ours */
};

/* All pointers must live until done(), which comes from the loop, once. */
void http_start(struct loop *, struct http *);
void http_cancel(struct loop *, struct http *);
void http_release(struct http *);
/* The headers of the answer one after the other, names in lower case; *at begins as 0.
 * What does not fit into HTTP_MAX_HEAD is left out. False at the end. */
bool http_next_header(const struct http *, size_t *at, const char **name, const char **value);

#endif
