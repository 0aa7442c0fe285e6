#ifndef PLANNER_USER_H
#define PLANNER_USER_H

#include "planner/graph.h"
#include "planner/value.h"
#include "planner/yaml.h"

/*
 * The user's own steps: `command:` steps of the spec, and steps of kinds that are Lua
 * files. The planner sees them as any other step; their look at a node and their acts are
 * done by executors (run_user.c), by script or by the Lua file. Pure.
 */
enum user_type { USER_TEXT, USER_INTEGER, USER_BOOL, USER_LIST, USER_MAP };

struct user_field {
	const char *name;
	enum user_type type;
	bool required, secret;
	struct value *fallback;         /* or NULL */
	enum effect effect;             /* forces: none, update (the default), replace */
	const char *doc;
};

/* Commands; and what all kinds of Lua files share (kinds/command.c, kinds/lua.c). */
extern const struct kind kind_command, kind_lua;

/* A kind as a Lua file defines it. */
struct user_kind {
	struct kind kind;               /* as the planner takes it; kind.fields from field[] */
	struct user_field *field;
	size_t nfield;
	const char *file;               /* as the spec has it */
	struct loc at;                  /* in the spec */
	bool has_down;
	int timeout_s;                  /* of one call of observe, up or down */
};

/* {name, doc, fields, timeout} as the file has them -> a kind, or NULL with errors in d;
 * `find` gives places in the file, functions are those that it has. */
struct user_source {
	const char *file;
	struct loc at;
	const struct value *name, *doc, *fields, *timeout;
	bool observe, up, down;
	struct loc (*find)(void *arg, const char *word);
	void *arg;
};
struct user_kind *user_kind_read(struct arena *, const struct user_source *, struct diags *d);
/* The field of that name, or NULL. */
const struct user_field *user_field_find(const struct user_kind *, const char *name);
/* "text", "integer", "boolean", "list", "map". */
const char *user_type_word(enum user_type);
/* with: of a step by the kind's fields, defaults filled in: a map; NULL with errors in d.
 * `want` gets it as attributes, without the secrets. */
struct value *user_args(struct arena *, const struct user_kind *, const struct spec_step *,
			struct attrs *want, struct diags *d);

struct user_kinds {
	struct user_kind **v;
	size_t n, cap;
};

/* A step on one node, from one entry under steps:. */
struct user_step {
	const char *addr;               /* command.NAME[node], nfs.NAME[node] */
	const struct kind *kind;        /* &kind_command, or &user->kind */
	const struct user_kind *user;   /* NULL: a command */
	const struct spec_step *spec;
	const char *node;               /* its name: the model's nodes move */
	struct value *args;             /* of a Lua kind: typed, secrets as references */
	struct attrs want;              /* without secrets: their MACs come with the look, by
					 * attrs_add_secret() under the field's name */
	/* What the look showed, filled in by executors before the graph is made. */
	struct user_look {
		enum { LOOK_NOT_YET, LOOK_ABSENT, LOOK_PRESENT, LOOK_FAILED,
		       LOOK_RECORD /* its record shall do */ } state;
		struct attrs have;      /* PRESENT, of a Lua kind */
		const char *why;        /* FAILED, and ABSENT of a command: in words */
	} look;
};

/* Kinds and fields of the spec's steps, and kinds that they name: what is wrong with them is
 * in d. The spec may have other errors. model_build() calls it, and then the next. */
void user_steps_check(struct arena *, const struct spec *, struct diags *d);
/* A spec that is right, with those nodes and steps of one that is wrong that can be told:
 * enough for the next, when d has errors already. NULL: there are none. */
const struct spec *user_shape(struct arena *, const struct spec *);
/* steps: of a spec that is right, over the model's nodes, into m->user; false with errors in
 * d, as circles. */
bool user_steps_build(struct arena *, struct model *, const struct spec *, struct diags *d);
/* The step of that address, or NULL. */
struct user_step *user_step_find(const struct model *, const char *addr);
/* The user's kind of that kind, or NULL: it is one of ours. */
const struct user_kind *user_kind_of(const struct kind *);
/* after:, before: and follows: as edges, when all steps of the model are in the graph; what
 * they name in vain is a warning. graph_build() calls it. */
void user_link(struct graph_builder *, struct problems *);
/* The same words for the record of a step, and edges between steps that left the spec by
 * what their records say, so that they go down in the reverse order. */
void user_keep_order(struct arena *, const struct spec_step *, struct attrs *keep);
void user_link_orphans(struct graph_builder *);
/* The look at a command's step: a script that changes nothing, and what it said. A command
 * without check and creates needs none: user_has_look(). */
bool user_has_look(const struct user_step *);
void user_look_task(struct arena *, const struct user_step *, struct task *);
void user_look_take(struct arena *, struct user_step *, const struct result *);
/* What observe() is asked for: what is wanted, but what was made while that is elsewhere, by
 * its record or NULL; by the fields that force replacement. */
struct value *user_look_args(struct arena *, const struct user_step *, const struct record *);
/* What a Lua function returned of a step -> its attributes: `have` of observe(), by the
 * kind's fields. A secret is MACed with `mac_key`. False with *why. */
bool user_attrs(struct arena *, const struct user_kind *, const struct value *,
		const char *mac_key, struct attrs *, const char **why);
/* In what `have` is not what the step wants: "options is 'ro', not 'rw'"; NULL: in nothing.
 * For the check after up(). Secrets that observe() does not tell do not count, nor do fields
 * that the step leaves open. */
const char *user_differs(struct arena *, const struct step *, struct attrs *have);
/* Attributes of a step (a record's, a look's) as the table that down() gets: typed by the
 * kind's fields; secrets are left out, an empty map is `{}`. */
struct value *user_table(struct arena *, const struct user_kind *, const struct attrs *);
/* {field = {old = ..., new = ...}} of what differs, for up(); nil when nothing is there to
 * differ from. A secret's is {secret = true}. */
struct value *user_change(struct arena *, const struct step *);
/* Is that attribute of a step of a Lua kind, as it was seen (NULL: not there), other than
 * dray's record says that it was made? */
bool user_drifted(const struct step *, const char *attr, const char *seen);

#endif
