#ifndef RAY_H
#define RAY_H

#include "standin.h"

/* ray.c starts and stops nodes, and is a worker; ray_head.c is the head. */

/*
 * Ray as far as a cluster of containers shows it. The head listens; each line below is
 * what a peer says first.
 *
 *	JOIN <id> <address> <gpus>	a worker, which is told Ray's folder, then "RUN <n>", how
 *					many processes of a lease it has to run, and which
 *					says "DIED" of each that died; the connection is its life
 *	LEASE <n>			vllm; gets "WAIT ..." then "OK", then perhaps
 *					"LOST <rank> <address>"; the connection holds the GPUs
 *	STATUS, HEALTH			one answer, then the end
 */
enum { MAX_PEERS = 64, SILENCE_MS = 3000, BEAT_MS = 500 };

struct peer {
	int fd;                 /* -1: free; the head itself has fd -2 */
	enum { FRESH, NODE, LEASE } role;
	char id[57], address[64];
	int gpus, used;
	int want, take[MAX_PEERS];      /* LEASE: GPUs asked for, and taken of each peer */
	bool granted;
	long long observed;
};

/* The first one is the head itself. */
extern struct peer ray_peers[MAX_PEERS];
extern char ray_folder[128];

/* So many processes of a lease run on this machine; how many of them died since. */
void run_actors(int n);
int actors_died(void);
void head_loop(int listener);

#endif
