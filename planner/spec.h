#ifndef PLANNER_SPEC_H
#define PLANNER_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/diag.h"

/*
 * What the user wrote, typed, with defaults filled in and ${...} expanded. Every
 * value that a later check can complain about has its place beside it. One field
 * table (planner/fields.c) describes each struct below and drives reading,
 * defaults, constraints, "did you mean", the reference page and the JSON Schema.
 */

/* A text with its place; text is NULL when the user wrote nothing. */
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

/* name: value, as under env, args, labels and vars. Keys of args have '-' where the
 * user wrote '_'; a flag has the value "true" or "false"; a list is one text with a
 * value per line (a value itself has no line breaks). spec_arg() makes argv of it. */
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

struct spec_ssh {
	struct word user, identity, config, known_hosts;
	struct number port, connect_timeout;    /* seconds */
};

/* One entry under nodes:, after host ranges were expanded. */
struct spec_node {
	struct word name;       /* default: host */
	struct word host;       /* what to dial: address, name or ssh_config alias */
	struct word address;    /* what other nodes dial; NULL: host if it is an IP literal */
	struct number gpus;     /* NULL/unset: count them */
	struct pairs labels, env;
	struct spec_ssh ssh;    /* the cluster's ssh: filled in where the node says nothing */
	struct word executor;   /* ssh (default), local */
	struct loc at;
};

struct spec_model {
	struct word repo, revision, endpoint, path, client;     /* client: image | host */
	struct words include, exclude;
	struct secret_ref token;
	struct loc at;          /* line 0: no model: in the file */
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
	struct word image, backend, launcher, runtime;
	struct word venv;               /* runtime none: a virtual environment on the nodes */
	struct number master_port;      /* backend mp: where ranks meet, on the head */
	struct spec_script script;
	struct pairs args;              /* vllm serve --KEY VALUE; "true" is a bare flag */
	struct pairs env;               /* into every container of the engine */
	struct words docker_args;       /* appended to docker run */
	struct loc at;
};

struct spec_serve {
	struct number port;
	struct word bind, name;
	struct secret_ref api_key;
	struct loc at;
};

struct spec_probe {
	struct word prompt;
	struct number max_tokens, timeout;      /* tokens, seconds */
	struct loc at;
};

struct spec_limits {
	struct number parallel, downloads;
};

struct spec {
	struct word cluster, shared_dir;
	struct spec_node *node;
	size_t nnode, capnode;
	struct loc nodes_at;
	struct spec_ssh ssh;
	struct spec_model model;
	struct spec_parallelism parallelism;
	struct spec_engine engine;
	struct spec_serve serve;
	struct spec_probe probe;
	struct spec_limits limits;
	struct pairs vars;
	const struct source *src;
};

/* How ${env:NAME} is looked up; the planner itself reads no environment. */
typedef const char *spec_env(const char *name);

/*
 * Bytes of a YAML file -> spec, or NULL when d got errors that make it unusable.
 * All errors of the file are collected in d: syntax, unknown keys, types,
 * constraints, and the semantic checks of checks.def. Pure.
 */
struct spec *spec_read(struct arena *, const struct source *, spec_env *, struct diags *d);

/* One engine argument as words for argv: --key value, --key for "true", --no-key for
 * "false", --key v1 v2 for a list. *n words in the arena. */
const char **spec_arg(struct arena *, const char *key, const char *value, size_t *n);

/* Run the named checks of checks.def; called by spec_read(). */
void checks_run(const struct spec *, struct diags *);

/* The JSON Schema (draft 2020-12) of the spec file, as text in the arena. */
const char *spec_schema(struct arena *);
/* The reference page of the spec file as scdoc source (dray.yaml(5)) or Markdown. */
enum spec_format { SPEC_SCDOC, SPEC_MARKDOWN };
const char *spec_reference(struct arena *, enum spec_format);

#endif
