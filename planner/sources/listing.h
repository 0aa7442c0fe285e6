#ifndef PLANNER_LISTING_H
#define PLANNER_LISTING_H

#include "planner/sources/source.h"

/*
 * The files of a model that is not on the Hub: which there are, how large, and with which hash, as
 * its server says. The run half asks for one page after the other, then for the hashes, if there
 * is a file with them, and then for the single files of which something is still not known. All
 * that a server sends is checked and bounded. Pure.
 */
enum {
	LISTING_MAX_ANSWER = 32 * 1024 * 1024,  /* bytes of a page */
	LISTING_MAX_PAGES = 200,
	LISTING_MAX_FILES = 100000,
	LISTING_MAX_NAME = 1000,        /* bytes of a path */
};

struct listing {
	struct arena *arena;
	const struct spec_model *from;
	struct manifest *list;
	const char *next;               /* the URL of the page to ask for; NULL: there are no more */
	size_t pages;
	bool sums, in_sums;             /* there is a file with hashes; it is the next page */
};

/* What a server says of one file. */
struct listing_head {
	long long size;                 /* Content-Length; -1: not said */
	const char *etag;               /* or NULL, as those behind it */
	const char *sha256;             /* X-Amz-Checksum-Sha256: base64 */
	const char *encryption;         /* X-Amz-Server-Side-Encryption */
};

struct listing_way {
	const char *server;             /* what it is called in messages: "the server" */
	/* The URL of the first page, for `next`. */
	const char *(*start)(struct arena *, const struct spec_model *);
	/* Takes a page: its files, and `next`. False with e set. */
	bool (*page)(struct listing *, const char *text, size_t n, struct err *e);
	/* The URL of a file. */
	const char *(*url)(struct arena *, const struct spec_model *, const char *path);
	/* Is a HEAD of the file needed? It is taken by `head`. False with e set. */
	bool (*asks)(const struct manifest_file *);
	bool (*head)(struct listing *, struct manifest_file *, const struct listing_head *, struct err *e);
	/* What the body of an error says is wrong. NULL: it does not say. The function may be NULL. */
	const char *(*said)(struct arena *, const char *text, size_t n);
	/* How a request proves who asks: "bearer" or "cookie" with model.token, "aws" by a signature with the
	 * keys. */
	const char *auth;
};

/* Adds a file, unless the spec does not want it. False with e set: it cannot have that name. */
bool listing_add(struct listing *, const char *path, size_t n, long long size, const char *blob,
		 const char *etag, struct err *e);
/* All is known: sorts the files and gives the list its identity, 40 hex digits of the SHA-256 of
 * sizes, hashes and paths. It must be the spec's revision, if that is one. NULL with e set. */
struct manifest *listing_done(struct listing *, struct err *e);

/* The list as the Hub would write it, for hub_read(). A recorded look keeps it in this form. */
const char *listing_as_hub(struct arena *, const struct manifest *);

/* Reads the output of sha256sum, and calls take() for each of its files. Names that begin with "./"
 * are taken without. False with e set: a line has another form, or take() failed. */
bool sums_read(struct arena *, const char *text, size_t n,
	       bool (*take)(void *arg, const char *path, const char *sha256, struct err *), void *arg,
	       struct err *e);

/* Everything except letters, digits and `keep` becomes %XX. */
const char *url_escaped(struct arena *, const char *text, const char *keep);

#endif
