#ifndef EXECUTORS_RUN_LOOKS_H
#define EXECUTORS_RUN_LOOKS_H

#include "executors/run/run_private.h"

/* What is found out before a plan: from the nodes, the Hub, recordings and caches. */

/* run_facts.c: write or read a recorded file DIR/NAME SUFFIX. Reading also works from the
 * document that `dray discover -o` wrote, which is parsed once. */
bool record_file(const char *dir, const char *name, const char *suffix, const void *bytes,
		 size_t n, struct err *);
bool recorded_file(struct run *, const char *name, const char *suffix, struct str *to,
		   struct err *);
void recorded_release(struct run *);
/* The same for what the Hub said about the model. Nothing is recorded if the err is set. */
void record_model(struct run *, struct arena *, struct err *);
void recorded_model(struct run *, struct arena *);

/* One look at all nodes, and at what is outside of them. */
struct looking {
	struct run *run;
	struct arena *arena;
	struct err err;                 /* an error on this side: -record cannot be written */
	size_t left;
	bool finished;
	long long began;
	struct lookup **extra;          /* one for each of the cluster's; NULL: not asked */
};
/* run_observe.c: waits until nothing is left that was asked. */
void looking_wait(struct looking *);
/* run_settle.c: the commit of the model and its files, after the look. A commit that the cache has
 * whole needs no Hub. If the Hub cannot say what a branch is, the cache may. */
void settle_model(struct looking *);
/* The same for the other repositories. */
void settle_extras(struct looking *);
/* Asks the Hub for the other repositories: with fixed = false, before the look, for those at a branch
 * or tag; with true, after it, for those at a commit that no cache has. */
void settle_ask_extras(struct looking *, bool fixed);

/* run_observe.c: the facts from the answer to observe_task(); never NULL. */
struct facts *facts_of(struct arena *, const struct ask *);
/* Let every node of the list dial what address_task() says, one round; the results go into the
 * list. False: an answer could not be recorded. */
struct addresses;
bool run_dial(struct run *, struct arena *, struct addresses *, struct err *);

/* run_custom.c: the MAC for a secret that is not read (run_options.quiet). It comes from the
 * record of the step (NULL: any record), so the secret counts as unchanged. A note says so. */
const char *run_unread(struct run *, struct arena *, const char *step, const char *name);
/* Look at the user's own steps; the result is in the cluster. */
bool run_observe_custom(struct run *, struct arena *, struct err *);
/* run_hub.c: start to resolve model.revision and to fetch config.json and the index of its
 * commit. When it is done, *left decreases. */
struct lookup *lookup_start(struct run *, struct arena *, size_t *left, bool *finished);
struct cluster_extra;
/* The same for another repository: its commit and files only. */
struct lookup *lookup_start_extra(struct run *, struct arena *, struct cluster_extra *, size_t *left,
				  bool *finished);
/* After the nodes were observed, too: settle the cluster's commit and commit_why. */
void lookup_finish(struct lookup *);
/* run_listing.c: reads model.ca into the cluster. False with e set; then no server of the model may be
 * asked, because the transfer would trust other authorities. */
bool lookup_read_ca(struct run *, struct arena *, struct err *);
/* The URL of a file of the commit. lookup_dress() adds what a request for it needs: token, keys, CA. */
const char *lookup_url(const struct lookup *, const char *path);
void lookup_dress(const struct lookup *, struct http *);

/* run_weights.c: find the tensors of the model, or why there are none, and put them into the
 * cluster's texts. Call it after the nodes were observed and the lookup has ended. */
void weights_find(struct run *, struct arena *);

/* run_cache.c: our files under ${XDG_CACHE_HOME:-~/.cache}/dray/FOLDER. A cache that cannot
 * be read or written is not an error. Reading appends up to the str's max. */
bool cache_read(const char *folder, const char *name, struct str *);
void cache_write(const char *folder, const char *name, const void *, size_t n);

#endif
