#ifndef STANDIN_H
#define STANDIN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The stand-in engine: one static program that plays `ray`, `vllm` and `hf` by the
 * name it is called. It obeys the flags that matter, prints what they print, keeps
 * what they keep, and misbehaves on demand. It loads nothing and computes nothing.
 *
 * Demands are words in the environment's STANDIN, or in the file `standin` in
 * $HF_HOME (or /root/.cache/huggingface), which every container of a cluster sees;
 * the file is read at each question. `word@ADDRESS` holds only where VLLM_HOST_IP is
 * ADDRESS.
 *
 *	ray-slow=SECONDS        ray start takes that long
 *	ray-die                 ray start prints an error and ends with 1
 *	gpus=N                  ray start registers N GPUs, whatever it was told
 *	slow-load=SECONDS       vllm takes that long over its checkpoint shards
 *	die-loading             vllm dies at half of them
 *	never-ready             vllm stops saying anything at half of them
 *	die-first-completion    vllm is up, then dies at the first completion
 *	wedge[=UPTIME]          vllm answers /health and /v1/models; completions hang. With
 *	                        seconds of /proc/uptime, those of a server that began before
 *	queue                   completions wait, while others get 40 tokens a second
 *	trickle                 the same, with a token every 2.5 seconds
 *	slots=N                 completions run N at a time, the others wait for their turn
 *	token-ms=MS             each of their tokens takes that long
 *	stall-stream            a streamed completion stops after two words
 *	bench-fail=N            N requests of vllm bench serve fail
 *	bench-slow=SECONDS      vllm bench serve takes that long
 *	bench-lacks=MODULE      vllm bench serve ends, because Python does not find it
 *	no-tokens               completions end well without a token in them
 *	deaf                    vllm takes no notice of SIGTERM
 *	blind                   what the death of a worker process or of the engine's core changes
 *				nobody notices
 *	rank-die                a rank of vllm --nnodes prints a cause and ends with 1
 *	rank-silent             a rank never meets the others, and says nothing
 *	hf-slow=SECONDS         hf waits so long before each large file
 */

/* The value of a demand ("" without one), or NULL when it was not made. */
const char *demand(const char *word);
/* Its value in milliseconds, or dflt. */
long demand_ms(const char *word, long dflt);

void sleep_ms(long ms);
/* Milliseconds on the monotonic clock. */
long long now_ms(void);
/* "2026-11-22 20:24:43" and milli- or microseconds after sep, in a static buffer. */
const char *stamp(const char *fmt, char sep, int digits);

/* A TCP connection to "host:port" or -1 with errno set; host is an address or a name
 * of /etc/hosts. A listening socket on host:port or -1. Both close on exec. */
int tcp_dial(const char *address, int timeout_ms);
int tcp_listen(const char *host, int port);
/* All of it; false when the peer is gone. */
bool send_all(int fd, const char *, size_t);
bool send_text(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One line without its newline, byte by byte so that nothing is read too far; false at
 * the end or after timeout_ms (-1: none). */
bool recv_line(int fd, char *, size_t, int timeout_ms);

/* The text of a JSON string member `key` at or after p into out; the place after it,
 * or NULL. Good for the flat answers that we meet, no more. */
const char *json_text(const char *p, const char *key, char *out, size_t n);

/* The whole of a file as text (to be freed), or NULL. */
char *read_file(const char *path);
/* mkdir -p of path's parents; of path too when it ends with a slash. */
bool make_dirs(const char *path);

/* host:port of this cluster's head, as `ray start` of this container left it. */
const char *ray_address(void);

/* ranks.c: vLLM's own way over several nodes. Ranks meet at a port of the first; where
 * data parallel engines are whole in a node, those meet there in their place. */
struct ranks {
	int nnodes, rank, port, data, local, start, rpc_port;
	const char *master, *address;
	bool headless;
	volatile sig_atomic_t *stopping;
	int fd[64], n;                  /* of the first: one for each other */
};
/* Takes an option of `n` bytes with its value; false: it is none of ours. */
bool ranks_option(struct ranks *, const char *option, size_t n, const char *value);
/* vLLM's own refusals, for `world` GPUs a copy; they have been said then. */
bool ranks_check(struct ranks *, int world, const char *backend);
/* Was vLLM's own way asked for, over nodes or inside one? */
bool ranks_native(const struct ranks *, const char *backend);
/* The first waits, without a word, until all others have come; the others dial it. */
bool ranks_gather(struct ranks *);
bool ranks_join(struct ranks *);
/* The first waits until all have loaded; whoever dies meanwhile leaves it waiting. */
void ranks_tell_loaded(struct ranks *);
bool ranks_loaded(struct ranks *);
/* Are all others still there? Without them no completion ever comes. */
bool ranks_whole(const struct ranks *);

/* A child that only has a title, as those have that write one over their environment, and n
 * children of it with another one; its pid. */
int titled(const char *title, int n, const char *theirs);

int ray_main(int argc, char **argv);
int vllm_main(int argc, char **argv);
/* bench.c: vllm bench serve */
int bench_main(int argc, char **argv);
int hf_main(int argc, char **argv);

#endif
