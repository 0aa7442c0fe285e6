#ifndef VLLM_H
#define VLLM_H

#include <sys/types.h>

#include "standin.h"

/* vllm.c starts and ends `vllm serve`; vllm_words.c reads its command line, vllm_api.c answers. */
struct server {
	const char *model, *name, *host, *backend, *key, *template;
	int port, tensor, pipeline, max_len;
	int listener, lease;
	pid_t pid;
	struct ranks ranks;
};

/* What /metrics tells, shared with the process of each request. */
struct load { int running, waiting, tokens, came, left; long long since; };
extern struct load *load_now;

void vlog(const char *who, const char *level, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The number of a member of flat JSON, or 0. */
int number_in(const char *json, const char *key);
/* False when the command line is not one of vLLM's; it has been said then. */
bool vllm_parse(struct server *, int argc, char **argv);
/* One request of the API, to its end. */
void serve_one(const struct server *, int fd);

#endif
