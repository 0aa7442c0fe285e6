#ifndef EXECUTORS_RUN_LOOKUP_H
#define EXECUTORS_RUN_LOOKUP_H

#include "executors/run/run_looks.h"

/* What run_hub.c and run_listing.c share: both ask a server which files a model has. */

enum { LOOKUP_MAX_ANSWER = 32 * 1024 * 1024 };

/* A small file of the commit that is fetched whole. */
struct wanted_file {
	struct lookup *lookup;
	struct http http;
	const char *path;               /* in the repository */
	const char *cached;             /* its name in our cache */
	const char **text;              /* where it goes */
	size_t *n;
};

struct lookup {
	struct run *run;
	struct arena *arena;
	struct http http;
	struct wanted_file file[2];     /* config.json or params.json, and the index */
	size_t under_way;               /* requests that run */
	const char *token;
	const struct http_aws *aws;     /* NULL: requests are not signed */
	const char *cookie;             /* the token as ModelScope takes it, or NULL */
	const char *gated_why;          /* why we may not read the files, or NULL */
	struct cluster_extra *extra;    /* another repository; NULL: the model */
	struct lookup_listing *listing; /* run_listing.c; NULL: the Hub is asked */
	size_t *left;
	bool *finished;
};

/* Fetches config.json (Mistral's: params.json) and the index of the commit that is known now, if
 * they are in the list. */
void lookup_fetch_texts(struct lookup *);
/* One of its requests has ended. */
void lookup_ended(struct lookup *);
/* Reads the keys of a bucket. NULL with e set. */
const struct http_aws *lookup_aws(struct lookup *, const struct spec_model *, struct err *e);
/* Asks the server of a model that has a list (listing.h); one request is under way already. */
void lookup_list(struct lookup *);

#endif
