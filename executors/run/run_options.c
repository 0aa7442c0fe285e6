/* Lets the engine's parser read the arguments of a server that is going to start. */
#include <stdlib.h>
#include <string.h>

#include "executors/run/run_looks.h"
#include "planner/base/hash.h"
#include "planner/steps/trial.h"

enum { OPTIONS_KEPT_MAX = 64 << 10 };

struct trial {
	struct run *run;
	struct arena *arena;
	const char *printed, *why;      /* printed: NULL without an answer, and then why */
	bool finished;
};

static void
options_on_answer(struct ask *ask)
{
	struct trial *t = ask->owner;
	const struct result *r = &ask->request.result;

	if (r->ran && r->status == 0)
		t->printed = arena_strdup(t->arena, str_text(&r->out));
	else
		t->why = r->ran ? arena_printf(t->arena, "status %d: %s", r->status,
					       last_lines(t->arena, str_text(&r->err), 1))
				: arena_strdup(t->arena, r->why.text);
	t->finished = true;
}

/* ---- the verdict that is kept here, one for each cluster: a plan writes nothing on nodes ---- */

static const char options_folder[] = "options";

/* The name of its file, and in `head` what its first line begins with: the arguments' hash. */
static void
options_name(const struct run *r, const char *key, char name[HASH_HEX], char head[HASH_HEX])
{
	hash_sha256(r->cluster->name, strlen(r->cluster->name), name);
	hash_sha256(key, strlen(key), head);
}

/* The node's sum of these arguments, and what was refused; NULL: none is kept. */
static const char *
options_kept(const struct run *r, struct arena *a, const char *key, const char **refused)
{
	struct str text = {.max = OPTIONS_KEPT_MAX};
	char name[HASH_HEX], head[HASH_HEX];
	const char *sum = NULL, *at;

	options_name(r, key, name, head);
	if (cache_read(options_folder, name, &text) && strncmp(str_text(&text), head, strlen(head)) == 0) {
		at = arena_strdup(a, str_text(&text) + strlen(head));
		sum = *at == ' ' ? arena_strndup(a, at + 1, strcspn(at + 1, "\n")) : NULL;
		*refused = at + strcspn(at, "\n");
	}
	str_release(&text);
	return sum;
}

static void
options_keep(const struct run *r, struct arena *a, const char *key, const char *printed)
{
	const char *sum = trial_said(a, printed, "sum");
	struct str text = {0};
	char name[HASH_HEX], head[HASH_HEX];

	if (!*sum)
		return;
	options_name(r, key, name, head);
	str_printf(&text, "%s %.*s\n", head, (int)strcspn(sum, "\n"), sum);
	for (const char *at = trial_said(a, printed, "option"); *at; at += strcspn(at, "\n") + 1)
		str_printf(&text, "option %.*s\n", (int)strcspn(at, "\n"), at);
	cache_write(options_folder, name, text.buf, text.len);
	str_release(&text);
}

/* The server that the plan starts, if what it will run in is there; else NULL. */
static const struct step *
options_server(struct run *r, const struct plan *p)
{
	const struct step *server = NULL;
	bool pulled = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct op *op = &p->v[i];
		bool first = op->step->node == &r->cluster->node[0];

		if (op->excluded || op->action == ACT_NONE || op->action == ACT_DESTROY ||
		    op->action == ACT_UNKNOWN || op->action == ACT_CONFLICT || op->record_only || !first)
			continue;
		pulled |= strcmp(op->step->kind->name, "image") == 0;
		if (op->step->kind->server && !op->step->orphan)
			server = op->step;
	}
	if (server && pulled && !r->earlier && r->cluster->spec->engine.args.n)
		run_note(r, "%s: apply reads 'engine.args' by its own parser once the image is on '%s', before it "
			 "stops anything", r->cluster->engine->server, server->node->name);
	return server && !pulled && node_observed(server->node) && run_host(r, server->node)->session ? server : NULL;
}

/* Nobody has read the options: say why, in a line. */
static void
options_unread(struct run *r, const struct step *server, const char *why)
{
	run_note(r, "%s on '%s' has not said whether it knows 'engine.args': %.*s", r->cluster->engine->server,
		 server->node->name, (int)strcspn(why, "\n"), why);
}

/* Ask the node, and put what is kept here to its answer if that is known to hold. */
static void
options_try(struct run *r, struct arena *a, const struct step *server, struct trial_how how, const char *key,
	    struct diags *d)
{
	struct trial t = {.run = r, .arena = a};
	struct task task;
	const char *refused = "", *note;

	how.known = options_kept(r, a, key, &refused);
	trial_task(a, server, &how, &task);
	run_ask(r, run_host(r, server->node), &task, options_on_answer, &t);
	loop_run(r->loop, &t.finished);
	if (!t.printed) {
		options_unread(r, server, t.why);
		return;
	}
	note = trial_said(a, t.printed, "note");
	if (*note)
		options_unread(r, server, note);
	if (how.known && *trial_said(a, t.printed, "known"))
		t.printed = arena_printf(a, "%s%s", t.printed, refused);
	else
		options_keep(r, a, key, t.printed);
	trial_refused(server, t.printed, d);
}

void
run_try_options(struct run *r, struct arena *a, const struct plan *p, struct diags *d)
{
	const struct step *server = r->opt.facts_dir || p->options.destroy ? NULL : options_server(r, p);
	/* A plan writes nothing on nodes. */
	struct trial_how how = {.keep = r->opt.command && strcmp(r->opt.command, "apply") == 0};
	struct task task;
	struct str key = {0};

	if (!server || !trial_task(a, server, &(struct trial_how){0}, &task))
		return;
	for (size_t i = 0; i < task.argc; i++)
		str_printf(&key, "%s\n", task.argv[i]);
	/* An apply plans twice or more; one trial is enough. */
	if (r->tried && strcmp(r->tried, str_text(&key)) == 0) {
		str_release(&key);
		return;
	}
	options_try(r, a, server, how, str_text(&key), d);
	free(r->tried);
	r->tried = key.buf;
}
