#ifndef PLANNER_SPEC_H
#define PLANNER_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/attr.h"
#include "planner/base/diag.h"
#include "planner/engines/engine.h"

/*
 * What the user wrote, typed, with defaults filled in and ${...} expanded. Every value
 * that a later check may complain about has its place next to it. One field table
 * (planner/spec/fields.c) describes each struct below and drives reading, defaults,
 * constraints, "did you mean", the reference page and the JSON Schema.
 */

/* A string with its place; text is NULL if the user wrote nothing. */
struct word {
	const char *text;
	struct loc at;
};

struct number {
	long long value;
	bool set;               /* false: the default stands */
	bool is_auto;           /* the user wrote `auto` */
	struct loc at;
};

struct words {
	struct word *v;
	size_t n, cap;
};

/* name: value, as under env, args, labels and vars. In keys of args, '_' became '-'. In
 * values of args, a flag is "true" or "false", and a list has one item per line (an item
 * has no line breaks). spec_arg() makes argv of it. */
struct pair {
	struct word key, value;
};

struct pairs {
	struct pair *v;
	size_t n, cap;
};

/* A reference to a secret: env:NAME, file:PATH or cmd:ARGV. Never the secret. */
struct secret_ref {
	enum { SECRET_NONE, SECRET_ENV, SECRET_FILE, SECRET_CMD } from;
	const char *what;       /* NAME, PATH or the command line */
	struct loc at;
};
/* What a string refers to; SECRET_NONE if it is not a reference. `what` may be "". */
struct secret_ref secret_ref_of(const char *text);

struct spec_ssh {
	struct word user, identity, config, known_hosts;
	struct number port, connect_timeout;    /* seconds */
};

/* One entry under nodes:, after host ranges were expanded. */
struct spec_node {
	struct word name;       /* default: host */
	struct word host;       /* what to dial: address, name or ssh_config alias */
	struct word address;    /* what other nodes dial; NULL: the host if it is an IP address
				 * no other node has */
	bool host_shared;       /* several nodes have this host, each on its own SSH port */
	struct number gpus;     /* NULL/unset: count them */
	struct pairs labels, env;
	struct spec_ssh ssh;    /* with the cluster's ssh: filled in */
	struct word executor;   /* ssh (default), openssh, auto, local, or a Lua file */
	struct loc at;
};

/* Another repository, which an argument of the engine names: an adapter, a draft model, ... */
struct spec_extra {
	struct word repo, revision;
	struct word use;                /* what for; NULL: not said */
	struct loc at;
};

#define HUB_ENDPOINT "https://huggingface.co"
#define MODELSCOPE_ENDPOINT "https://www.modelscope.cn"

struct spec_model {
	/* repo: its text names the model everywhere. It is ORG/NAME, "modelscope:ORG/NAME", or the
	 * url; then it has no place. client: image | host */
	struct word repo, revision, endpoint, path, client;
	struct word source;             /* of repo: hub | modelscope */
	struct word url;                /* a folder behind http(s)://, or s3://BUCKET/PREFIX */
	struct word region;             /* of the bucket */
	struct word ca;                 /* a PEM file: who signs the server's certificate */
	struct words include, exclude;
	struct secret_ref token, access_key, secret_key, session_token;
	struct { struct spec_extra *v; size_t n, cap; } extra;
	struct loc at;          /* line 0: no model: in the file */
};

/* Where a cluster keeps what is large: one directory that all nodes share, or one of the same
 * name on each node's own disk. `shared_dir` is the short form of the first. */
struct spec_storage {
	struct word shared, local;
	struct loc at;
};

struct spec_parallelism {
	struct number tensor, pipeline, data;
	bool is_auto;           /* parallelism: auto */
	struct loc at;
};

struct spec_script {
	struct word url, sha256;
	struct loc at;
};

struct spec_engine {
	const struct engine *kind;
	struct word image, backend, launcher, runtime;
	struct word image_archive;      /* where the image comes from; NULL: a registry */
	struct word pull;               /* each, once */
	struct word image_config;       /* sha256:..., or NULL */
	const char *archive_stamp;      /* the size and time of one on this machine, and which image it has
					 * (NULL: not read); cmd/ sets them */
	const struct image_proof *archive_proof;
	struct word venv;               /* runtime none: a virtual environment on the nodes */
	struct number master_port;      /* where ranks meet, on the head */
	struct number ray_port;         /* where the coordinator is joined, on the head */
	struct spec_script script;
	struct pairs args;              /* of the server: --KEY VALUE; "true" is a bare flag */
	struct pairs env;               /* into every container of the engine */
	struct words docker_args;       /* appended to docker run */
	struct loc at;
};

struct spec_serve {
	struct number port;
	struct word bind;
	struct words name;              /* the first is the one in answers */
	struct secret_ref api_key;
	struct loc at;
};

struct spec_probe {
	struct word kind;                       /* auto, none, or a word of the engine */
	struct word prompt;
	struct number max_tokens, timeout;      /* tokens, seconds */
	struct loc at;
};

struct spec_limits {
	struct number parallel, downloads;
};

/* One entry under hooks:. */
struct spec_hook {
	struct word file;               /* as written; relative to the spec's folder */
	struct words on;                /* events; none: all that the file has a function for */
	const struct tree *config;      /* free; NULL: none */
	struct number timeout;          /* seconds, of one call */
	struct word on_error;           /* fail, warn */
	struct loc at;
};

/* One entry under steps:, either a command or of a kind that is a Lua file. */
struct spec_step {
	struct word command;            /* the name of a command step */
	struct word kind, name;         /* of a Lua kind, and the step's own name */
	struct words nodes;             /* names, head, workers, all; also from node: */
	struct word node;               /* as it was written */
	struct words after, before;     /* steps or kinds: order only */
	struct words follows;           /* like after, and done again for each new instance */
	struct word run, check, undo, creates;  /* of a command */
	const struct tree *with;        /* of a Lua kind: its fields */
	struct number timeout;          /* seconds, for each run, undo and check */
	struct loc at;
};

/* One entry under files:, a file of this machine that every node gets (spec_files.c). */
struct spec_carried {
	struct word from;               /* relative to the spec's folder */
	struct word as;                 /* an argument of the engine, or a name; or NULL */
	struct word mode;
	struct loc at;
	const char *name;               /* in CARRIED_INSIDE; NULL: it has none */
	bool is_arg;                    /* `as` is an argument */
	/* carry_load(): its bytes, and "sha256:HEX" of them; NULL: not read. */
	const char *bytes, *sha256;
	size_t n;
};
/* Where arguments and variables of the engine name such files: this folder, a '/', the name. */
#define CARRIED_INSIDE "/dray/files"

/* A file that is part of a saved plan. */
struct spec_file {
	const char *name;       /* as the spec names it */
	const char *text;
	size_t n;
};

struct spec {
	struct word cluster, shared_dir;        /* shared_dir: see spec_store() */
	struct spec_storage storage;
	struct spec_node *node;
	size_t nnode, capnode;
	bool nodes_lost;                /* one of them is wrong and left out */
	struct { struct spec_node *v; size_t n, cap; } left;    /* once were nodes */
	struct loc nodes_at;
	struct spec_ssh ssh;
	struct spec_model model;
	struct spec_parallelism parallelism;
	struct spec_engine engine;
	struct spec_serve serve;
	struct spec_probe probe;
	struct spec_limits limits;
	struct pairs vars;
	struct { struct spec_carried *v; size_t n, cap; } carried;      /* files: */
	struct { struct spec_hook *v; size_t n, cap; } hooks;
	struct words kinds;             /* Lua files with step kinds */
	bool kinds_lost;                /* one of them is wrong: its kind is not known */
	struct { struct spec_step *v; size_t n, cap; } steps;
	struct word inventory;          /* nodes: {lua: FILE}; NULL: nodes is a list */
	const struct tree *inventory_config;
	const struct custom_kinds *custom_kinds;    /* set before cluster_compile() */
	struct { struct spec_file *v; size_t n, cap; } files;   /* set with those: Lua files,
							 * and those under files: */
	const struct source *src;
};

/* The directory of the storage, or NULL; the key that names it ("storage.local"); and whether all
 * nodes share it. */
const char *spec_store(const struct spec *);
const char *spec_store_key(const struct spec *);
bool spec_store_shared(const struct spec *);
/* Where engine.image_archive is on this machine; NULL: there is none, or it is on the nodes. */
const char *spec_archive_here(struct arena *, const struct spec *);

/* Looks up ${env:NAME}: the planner itself does not read the environment. */
typedef const char *spec_env(const char *name);

/*
 * Bytes of a YAML file -> spec, or NULL when d got errors.
 * All errors of the file are collected in d: syntax, unknown keys, types,
 * constraints, and the semantic checks of checks.def. Pure.
 */
struct spec *spec_read(struct arena *, const struct source *, spec_env *, struct diags *d);

/* The same for a spec whose nodes may come from a Lua file. inventory() runs it and returns
 * its list as a tree with places in that file, or NULL with errors in d. Strings in it are
 * not expanded.
 * If the file is YAML but has errors, the spec holds what is right, so that its Lua files can
 * be checked too. Use the spec only if d->nerror is 0. */
struct spec_world {
	spec_env *env;
	struct tree *(*inventory)(void *arg, struct arena *, const struct spec *, struct diags *d);
	void *arg;
};
struct spec *spec_read_in(struct arena *, const struct source *, const struct spec_world *,
			  struct diags *d);
/* A free map of the spec as data. Quoted strings stay strings; plain true, false, integers
 * and decimal numbers get their type. */
struct value *spec_value(struct arena *, const struct tree *);

/* A list of words as one string that a shell would split into the same words. */
const char *words_text(struct arena *, const struct words *);
/* The words of such a string; *n of them, in the arena. */
const char **words_of(struct arena *, const char *text, size_t *n);
/* One engine argument as words for argv: --key value, --key for "true", --no-key for
 * "false", --key v1 v2 for a list. *n words in the arena. */
const char **spec_arg(struct arena *, const char *key, const char *value, size_t *n);

/* Questions to engine.args. The value of a key ("true" of a flag), or NULL; is the key there
 * and not false; the value as engines read it: 32768, 32k (thousands), 32K (1024s), 1.5G; 0 if
 * there is none. */
const char *spec_arg_value(const struct spec *, const char *key);
bool spec_arg_flag(const struct spec *, const char *key);
double spec_arg_number(const struct spec *, const char *key);

/* The other repositories that the cluster needs: those under model.extra, and those that the
 * engine's arguments name. At most one of each name; *n of them, in the arena. */
const struct spec_extra *spec_extras(struct arena *, const struct spec *, size_t *n);

/* A path on the nodes that an argument of the engine names. */
struct spec_path {
	const char *path;               /* begins with / */
	const char *arg;                /* the argument, without dashes; or the variable */
	const char *use;                /* for what, if a repository may be there: "draft"; "": not
					 * known; NULL: the argument takes a file */
	bool made;                      /* the engine may create it */
	struct loc at;
};
/* All of them, and those in engine.env that must be there; *n of them, in the arena. */
const struct spec_path *spec_paths(struct arena *, const struct spec *, size_t *n);
/* The relative paths (./x, ../x, ~/x) in arguments that may name a repository; *n of them, in the
 * arena. */
const struct spec_path *spec_loose_paths(struct arena *, const struct spec *, size_t *n);

/* Names the files under files:, sets their modes, and adds an argument for each that is one;
 * called by spec_read(). */
void spec_carried_finish(struct arena *, struct spec *);
/* The first file in CARRIED_INSIDE that the text names, or NULL: its name, of *n bytes. */
const char *spec_carried_named(const char *text, size_t *n);

/* Run the named checks of checks.def; called by spec_read(). */
void checks_run(const struct spec *, struct diags *);

/* The JSON Schema (draft 2020-12) of the spec file, as a string in the arena. */
const char *spec_schema(struct arena *);
/* The reference page of the spec file as scdoc source (dray.yaml(5)) or Markdown. */
enum spec_format { SPEC_SCDOC, SPEC_MARKDOWN };
const char *spec_reference(struct arena *, enum spec_format);

#endif
