#ifndef PLANNER_SOURCE_H
#define PLANNER_SOURCE_H

#include "planner/base/err.h"
#include "planner/facts/facts.h"
#include "planner/layout/checkpoint.h"
#include "planner/spec/spec.h"

/*
 * A source of weights: where a model comes from, which files must be there, how they are
 * verified and how an engine names the model. The rest of dray asks the struct. To add one: a
 * file planner/sources/NAME.c, one line in sources.def, its key in the field table. Results
 * are in the arena. Pure.
 */

/* One file of the model at its commit, after include and exclude. */
struct manifest_file {
	const char *path;
	long long size;                 /* bytes */
	const char *blob;               /* blob name in the cache: sha256 (LFS), git sha1, or md5;
					 * NULL: no hash is known */
	const char *etag;               /* what the server names this version by, or NULL */
};
struct manifest {
	const char *commit;             /* 40 hex; without commits, a hash over this list */
	struct manifest_file *v;
	size_t n, cap;
	long long bytes;
};

struct weights_source {
	/* The model's name in messages; NULL: the spec names no model of this source. */
	const char *(*name)(const struct spec_model *);
	/* The model's name in the API, if serve.name is not given. */
	const char *(*served_name)(const struct spec_model *);
	/* A server has it in revisions: its commit and files are asked for, and a step downloads
	 * them into HF_HOME and verifies them. Otherwise it is on every node already. */
	bool fetched;
	/* How its list of files is asked for, and its files (listing.h). NULL: it is the Hub, and hf
	 * fetches. */
	const struct listing_way *list;
	/* The folder on every node that a container needs mounted, or NULL. */
	const char *(*mount)(const struct spec_model *);
	/* The inputs of the step that serves it: model.NAME, `input` among them. A changed input
	 * means another model. */
	void (*want)(struct arena *, const struct spec_model *, const char *commit, struct attrs *);
	const char *input;
	/* The folder of its files, given such inputs and HF_HOME. */
	const char *(*folder)(struct arena *, struct attrs *inputs, const char *hf_home);
	/* What an observed node lacks of it, in words; *hint: what to do about it, left alone if the
	 * caller's hint is right. NULL: nothing, or a step will provide it. */
	const char *(*missing)(struct arena *, const struct spec_model *, const struct facts *,
			       const char **hint);
	/* How the node's files differ from those of the first node, whose name is given, in words.
	 * NULL: no difference is known. */
	const char *(*differs)(struct arena *, const struct spec_model *, const struct facts *,
			       const struct facts *first, const char *name);
	/* Fills config.json and sizes from what the head shows (NULL: it was not observed), if
	 * there is no config yet. */
	void (*texts)(struct arena *, const struct spec_model *, const struct facts *head,
		      const char *commit, struct checkpoint_texts *);
	/* The key for our cache of what was read from its files. It changes with them. NULL: do
	 * not cache. */
	const char *(*cache_name)(struct arena *, const struct spec_model *, const struct facts *head,
				  const char *commit);
};

/* The source that the spec takes its model from. */
const struct weights_source *source_of(const struct spec_model *);
/* The source whose want() made these inputs, or one that has its files in the same place. */
const struct weights_source *source_of_inputs(struct attrs *);

/* The ways in which a model's files may be laid out, by their names. */
enum checkpoint_format format_of_facts(const struct facts *);
enum checkpoint_format format_of_manifest(const struct manifest *);

/* hub.c: the Hub's answer to /api/models/REPO/revision/REV?blobs=true -> the commit and its
 * files. Bounded; NULL with e set. */
struct manifest *hub_read(struct arena *, const struct spec_model *, const char *json, size_t n,
			  struct err *);
/* May a file of a model have that name? It becomes a path on a node and part of a line: it must not
 * leave the snapshot or break the line. */
bool hub_is_safe(const char *path);
/* Sorts the files by their paths. In such a list, the file of that path, or NULL. */
void manifest_sort(struct manifest *);
struct manifest_file *manifest_find(struct manifest *, const char *path);
/* Does the spec want that file of the repository, and may it have that name? */
bool hub_wants(struct arena *, const struct spec_model *, const char *path);
/* snapshot.c: the files of a commit in the node's cache, if they are all of the model; then the Hub
 * is not needed. Otherwise NULL, with what is missing in *why, which is NULL if there is nothing. */
struct manifest *snapshot_read(struct arena *, const struct spec_model *, const struct facts *,
			       const char *commit, const char **why);
/* The same for another repository, in that folder of the cache: what has to be in it depends on what
 * it is used for ("lora", ...; NULL: not known). */
struct manifest *snapshot_extra(struct arena *, const struct spec_model *, const char *use,
				const char *folder, const struct facts *, const char *commit,
				const char **why);
/* What a node has certainly lost of a commit that it once had, in words: of the model, or with
 * `extra` of another repository that is used for `use`. NULL: its files show no loss. */
const char *snapshot_lost(struct arena *, const struct spec_model *, bool extra, const char *use,
			  const struct facts *, const char *commit);
/* The first missing one of files such as NAME-00002-of-00005.END, or NULL. */
const char *snapshot_gap(struct arena *, const struct manifest *);
/* gguf.c: the GGUF models of a list. A model is one file, or all parts of one (-00001-of-00003);
 * encoders of images (mmproj*) do not count. Returns the names of some; *models: how many there are;
 * *parts: in how many parts the only one is. */
const char *gguf_models(struct arena *, const struct manifest *, size_t *models, size_t *parts);
/* NAME-00002-of-00005.gguf: 2, and *of is 5; 0: it is in one part. */
unsigned gguf_part(const char *path, unsigned *of);
/* The first file of the first model, or NULL; and a pattern for all files of that model. */
const char *gguf_first(const struct manifest *);
const char *gguf_pattern(struct arena *, const char *first);
/* Does the node's cache have all files of the manifest, with their sizes? */
bool snapshot_has(const struct facts *, const struct manifest *);
/* 40 hex digits? It becomes part of paths. */
bool hub_is_commit(const char *);
/* The folder of a model in the cache: models--ORG--NAME for ORG/NAME of the Hub, models--modelscope--ORG--NAME
 * for modelscope:ORG/NAME. Other names, such as URLs, end with a part of their hash, so that different
 * ones have different folders. */
const char *hub_folder_name(struct arena *, const char *repo);
/* What the sources share whose models are in such a folder. */
const char *hub_folder(struct arena *, struct attrs *inputs, const char *hf_home);
void hub_want(struct arena *, const struct spec_model *, const char *commit, struct attrs *);
const char *hub_missing(struct arena *, const struct spec_model *, const struct facts *, const char **hint);
void hub_texts(struct arena *, const struct spec_model *, const struct facts *head, const char *commit,
	       struct checkpoint_texts *);
const char *hub_cache_name(struct arena *, const struct spec_model *, const struct facts *head,
			   const char *commit);
/* ... as members of their struct weights_source. */
#define SOURCE_IN_HUB_CACHE \
	.fetched = true, .input = "model.repo", .folder = hub_folder, .want = hub_want, \
	.missing = hub_missing, .texts = hub_texts, .cache_name = hub_cache_name

#endif
