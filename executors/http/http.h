#ifndef EXECUTORS_HTTP_H
#define EXECUTORS_HTTP_H

#include "executors/io/loop.h"
#include "executors/session/session.h"
#include "planner/base/str.h"

/*
 * HTTP requests from this machine: to the Hub, for the pinned script, for the probe and for Lua
 * files. TLS is verified, except at a node's own port. Only http and https are allowed. Bodies and
 * headers are bounded. GET and HEAD without a body follow redirects, but never from https to http.
 * The token is not sent to another host. A request with its own headers does not follow a
 * redirect to another host.
 */
enum {
	HTTP_MAX_HEADERS = 64,
	HTTP_MAX_HEAD = 32 * 1024,      /* bytes of headers in a request, and in an answer */
};

struct http_header {
	const char *name, *value;
};

/* How a request is signed for S3 (AWS Signature Version 4); the token is NULL without one. */
struct http_aws {
	const char *region, *access_key, *secret_key, *session_token;
};

struct http {
	const char *method, *url;
	const char *bearer;             /* a token, or NULL */
	const char *cookie;             /* NAME=VALUE, a secret like the token, or NULL */
	const struct http_aws *aws;     /* for a request without a body, or NULL */
	const char *ca;                 /* the certificates (PEM) to trust instead of the system's, or
					 * NULL */
	const struct http_header *header;       /* checked by http_start() */
	size_t nheader;
	const char *body;               /* JSON unless a header says otherwise; or NULL */
	size_t nbody;                   /* its bytes; 0: up to its NUL */
	long timeout_ms;                /* for the whole transfer; 0: 30 s */
	size_t max;                     /* bytes of body kept; 0: 4 MiB */
	struct session *via;            /* through this node's connection, or NULL */
	bool own_port;                  /* with via: the URL is a port of that node itself. Its
					 * certificate is not checked: the connection proves the
					 * node, and the name in it is another one */
	/* Gets the body of a 200 as it comes, instead of `answer`; `max` still holds. */
	void (*chunk)(struct http *, const char *bytes, size_t n);
	bool no_redirects;              /* return a redirect instead of following it */
	size_t first;                   /* ask for the first bytes only and stop after them, even
					 * if the server sends more; 0: all */
	/* answer */
	long status;                    /* 0: there was no answer */
	struct str answer;
	struct str head;                /* for http_next_header() */
	char error_code[64];            /* X-Error-Code of the Hub, or "" */
	struct err err;                 /* when status is 0 */
	void (*done)(struct http *);
	void *owner;
	struct http_transfer *transfer; /* private */
};

/* All pointers must live until done(), which the loop calls once. */
void http_start(struct loop *, struct http *);
void http_cancel(struct loop *, struct http *);
void http_release(struct http *);
/* Walks the headers of the answer; names are in lower case and *at starts as 0. Headers that
 * do not fit into HTTP_MAX_HEAD are left out. False at the end. */
bool http_next_header(const struct http *, size_t *at, const char **name, const char **value);

#endif
