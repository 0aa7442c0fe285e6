#ifndef EXECUTORS_HTTP_H
#define EXECUTORS_HTTP_H

#include "executors/loop.h"
#include "executors/session.h"
#include "planner/base/str.h"

/*
 * HTTP for the controller: the Hub's API, the pinned script, the probe. TLS is
 * always checked, only http and https, bodies are bounded, no redirect carries a
 * header with a secret to another host.
 */
struct http {
	const char *method, *url;
	const char *bearer;             /* a token, or NULL */
	const char *body;               /* JSON, or NULL */
	long timeout_ms;                /* whole transfer; 0: 30 s */
	size_t max;                     /* bytes of body kept; 0: 4 MiB */
	struct session *via;            /* through this node's connection, or NULL */
	bool no_redirects;              /* a redirect is the answer */
	size_t first;                   /* only so many bytes of the start are wanted; a server
					 * that sends all the same is cut short. 0: all */
	/* answer */
	long status;                    /* 0: none came */
	struct str answer;
	char error_code[64];            /* X-Error-Code of the Hub, or "" */
	struct err err;                 /* when status is 0 */
	void (*done)(struct http *);
	void *owner;
	struct http_transfer *transfer; /* ours */
};

void http_start(struct loop *, struct http *);
void http_cancel(struct loop *, struct http *);
void http_release(struct http *);

#endif
