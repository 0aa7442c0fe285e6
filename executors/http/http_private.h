#ifndef EXECUTORS_HTTP_PRIVATE_H
#define EXECUTORS_HTTP_PRIVATE_H

#include "executors/http/http.h"

/* What the files http*.c share. */
struct http_transfer {
	struct loop *loop;
	struct http *http;
	CURL *curl;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	char *url;              /* of this hop */
	bool same_origin;       /* the token may be sent to it */
	bool too_big;
	size_t taken;           /* bytes that chunk() got */
	bool enough;            /* the first bytes are here; the rest is not read */
	unsigned long timer;    /* set when the request was refused: err says why */
	unsigned long late, no_connect; /* limits of the transfer and of this hop's connection */
	int hops;
	long timeout_ms;
	/* through a node */
	struct stream *stream;
	const struct executor *ex;
	int listener;           /* until curl has dialled it, or -1 */
	int pipe;               /* our end of curl's connection, or -1 */
	struct str inbound;     /* from the node, for curl */
	bool stream_closed;
	struct err stream_err;
};

/* http_check.c: may the request be sent? False with e set. */
bool http_check(const struct http *, struct err *e);
/* Do both URLs have the same scheme, host and port? */
bool http_same_origin(const char *a, const char *b);

/* http_head.c: for CURLOPT_HEADERFUNCTION, with the transfer as its data. */
size_t http_on_header(char *line, size_t size, size_t n, void *transfer);

/* http_tunnel.c: for CURLOPT_OPENSOCKETFUNCTION; opens a tunnel and a socket to it. */
curl_socket_t http_open_socket(void *transfer, curlsocktype, struct curl_sockaddr *);
void http_tunnel_close(struct http_transfer *);

#endif
