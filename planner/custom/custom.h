#ifndef PLANNER_CUSTOM_H
#define PLANNER_CUSTOM_H

#include "planner/plan/graph.h"
#include "planner/base/value.h"
#include "planner/spec/yaml.h"

/*
 * The user's own steps: `command:` steps of the spec, and steps of kinds that are Lua files.
 * The planner treats them like other steps; executors (run_custom.c) observe and run them, by
 * script or through the Lua file. Pure.
 */
enum custom_type { CUSTOM_TEXT, CUSTOM_INTEGER, CUSTOM_BOOL, CUSTOM_LIST, CUSTOM_MAP };

struct custom_field {
	const char *name;
	enum custom_type type;
	bool required, secret;
	struct value *fallback;         /* or NULL */
	enum effect effect;             /* forces: none, update (the default), replace */
	const char *doc;
};

/* The kind of commands, and what all Lua kinds share (command.c, lua_kind.c). */
extern const struct kind kind_command, kind_lua;

/* A kind as a Lua file defines it. */
struct custom_kind {
	struct kind kind;               /* for the planner; kind.fields is made from field[] */
	struct custom_field *field;
	size_t nfield;
	const char *file;               /* as in the spec */
	struct loc at;                  /* in the spec */
	bool has_down;
	int timeout_s;                  /* of one call of observe, up or down */
};

/* {name, doc, fields, timeout} as the file gives them -> a kind, or NULL with errors in d.
 * observe, up, down: the functions it has. `find` returns places in the file. */
struct custom_source {
	const char *file;
	struct loc at;
	const struct value *name, *doc, *fields, *timeout;
	bool observe, up, down;
	struct loc (*find)(void *arg, const char *word);
	void *arg;
};
struct custom_kind *custom_kind_read(struct arena *, const struct custom_source *, struct diags *d);
/* The field of that name, or NULL. */
const struct custom_field *custom_field_find(const struct custom_kind *, const char *name);
/* "text", "integer", "boolean", "list", "map". */
const char *custom_type_word(enum custom_type);
/* A step's with: by the kind's fields, with defaults: a map; NULL with errors in d. `want` gets
 * it as attributes, without the secrets. */
struct value *custom_args(struct arena *, const struct custom_kind *, const struct spec_step *,
			struct attrs *want, struct diags *d);

struct custom_kinds {
	struct custom_kind **v;
	size_t n, cap;
};

/* A step on one node, from one entry under steps:. */
struct custom_step {
	const char *addr;               /* command.NAME[node], nfs.NAME[node] */
	const struct kind *kind;        /* &kind_command, or &user->kind */
	const struct custom_kind *user;   /* NULL: a command */
	const struct spec_step *spec;
	const char *node;               /* its name, as cluster->node may move */
	struct value *args;             /* of a Lua kind: typed, secrets as references */
	struct attrs want;              /* without secrets: the look adds their MACs, by
					 * attrs_add_secret() under the field's name */
	/* The result of the look; executors set it before the graph is built. */
	struct custom_look {
		enum { LOOK_NOT_YET, LOOK_ABSENT, LOOK_PRESENT, LOOK_FAILED,
		       LOOK_RECORD /* its record is enough */ } state;
		struct attrs have;      /* PRESENT, of a Lua kind */
		const char *why;        /* FAILED, and ABSENT of a command */
	} look;
};

/* Checks kinds and fields of the spec's steps and the kinds that they name; errors go to d. The
 * spec may have other errors. */
void custom_steps_check(struct arena *, const struct spec *, struct diags *d);
/* Adds the steps of the spec and all kinds of steps to the cluster; false with an error in d if
 * there are too many. custom_steps_check() reports all other errors. */
bool custom_steps_build(struct arena *, struct cluster *, struct diags *d);
/* The step of that address, or NULL. */
struct custom_step *custom_step_find(const struct cluster *, const char *addr);
/* after:, before: and follows: as edges; call it after all steps are in the graph. A name that
 * matches nothing is a warning. */
void custom_link(struct graph_builder *, struct diags *);
/* The same words for the record of a step. */
void custom_keep_order(struct arena *, const struct spec_step *, struct attrs *keep);
/* Adds edges between steps that left the spec, from their records, so that they go down in the
 * reverse order. */
void custom_link_orphans(struct graph_builder *);
/* The look at a command's step: a script that changes nothing, and its result. A command
 * without check and creates needs none: custom_has_look(). */
bool custom_has_look(const struct custom_step *);
void custom_look_task(struct arena *, const struct custom_step *, struct task *);
void custom_look_take(struct arena *, struct custom_step *, const struct result *);
/* Observes a user's step by its record and its look. True: it is there, perhaps without a
 * record (adopted); the caller then sets what is there. */
bool observe_look(struct arena *, struct step *, struct diags *);
/* Copies what observe() showed, without the fields that the step leaves open, and with secrets
 * of the record that observe() does not return. */
void custom_leave_open(struct arena *, const struct step *, const struct attrs *recorded,
		     const struct attrs *from, struct attrs *to);
/* The argument of observe(): what is wanted. If a field that forces replacement differs from
 * the record (may be NULL), what was made is elsewhere: then what was recorded. */
struct value *custom_look_args(struct arena *, const struct custom_step *, const struct record *);
/* What a Lua function returned -> attributes of the step, by the kind's fields. Secrets become
 * MACs with `mac_key`. False with e set. */
bool custom_attrs(struct arena *, const struct custom_kind *, const struct value *,
		const char *mac_key, struct attrs *, struct err *e);
/* Where `have` differs from what the step wants: "options is 'ro', not 'rw'"; NULL: nowhere.
 * For the check after up(). Ignores secrets that observe() does not return, and fields that the
 * step leaves open. */
const char *custom_differs(struct arena *, const struct step *, struct attrs *have);
/* Attributes of a step (recorded or observed) as the table for down(), typed by the kind's
 * fields. Secrets are left out; an empty map is `{}`. */
struct value *custom_table(struct arena *, const struct custom_kind *, const struct attrs *);
/* {field = {old = ..., new = ...}} for what differs, for up(); nil if nothing is there. A
 * secret is {secret = true}. */
struct value *custom_change(struct arena *, const struct step *);
/* For a step of a Lua kind: does the observed attribute (NULL: missing) differ from what dray
 * recorded? */
bool custom_drifted(const struct step *, const char *attr, const char *observed);

#endif
