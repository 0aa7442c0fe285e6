/* The view for programs: one JSON object a line. Unknown types carry an @message. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/view.h"
#include "planner/base/str.h"
#include "planner/json.h"

static void
put(json_t *o)
{
	char stamp[40];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_set_new(o, "@module", json_string("dray.ui"));
	json_object_set_new(o, "@timestamp", json_string(stamp));
	if (json_dumpf(o, stdout, JSON_COMPACT | JSON_SORT_KEYS) == 0)
		putchar('\n');
	fflush(stdout);
	json_decref(o);
}

/* What it says is `a`, `between` and `b`. */
static json_t *
message(const char *type, const char *level, const char *between, const char *a, const char *b)
{
	struct str text = {0};
	json_t *o = json_pack("{s:s, s:s}", "type", type, "@level", level);

	str_puts(&text, a);
	str_puts(&text, between);
	str_puts(&text, b);
	json_object_set_new(o, "@message", json_shown(str_text(&text)));
	str_release(&text);
	return o;
}

static void
hook(json_t *o, const struct job *j)
{
	const struct step *s = j->op->step;

	json_object_set_new(o, "hook",
			    json_pack("{s:{s:s, s:s, s:s?}, s:s}", "resource", "addr", s->addr, "kind",
				      s->kind->name, "node", s->node ? s->node->name : NULL, "action",
				      j->down ? "down" : "up"));
}

static void
started(void *arg, const struct job *j)
{
	json_t *o = message("apply_start", "info", ": ", j->op->step->addr, job_doing(j));

	(void)arg;
	hook(o, j);
	put(o);
}

static void
progress(void *arg, const struct job *j, const char *text)
{
	json_t *o = message("apply_progress", "info", ": ", j->op->step->addr, text);

	(void)arg;
	hook(o, j);
	put(o);
}

static void
ended(void *arg, const struct job *j, double seconds)
{
	json_t *o = message("apply_complete", "info", ": ", j->op->step->addr, job_done(j));

	(void)arg;
	hook(o, j);
	json_object_set_new(o, "elapsed_seconds", json_real(seconds));
	if (j->op->step->seen.instance && !j->down)
		json_object_set_new(o, "instance", json_shown(j->op->step->seen.instance));
	put(o);
}

static void
failed(void *arg, const struct job *j, const struct failure *f)
{
	json_t *o = message("apply_errored", "error", ": ", f->step, f->why ? f->why : "failed");

	(void)arg;
	if (j)
		hook(o, j);
	json_object_set_new(o, "ran", json_shown(f->what ? f->what : ""));
	json_object_set_new(o, "status", f->ran ? json_integer(f->status) : json_null());
	json_object_set_new(o, "tail", json_shown(f->tail ? f->tail : ""));
	json_object_set_new(o, "next", json_shown(f->next ? f->next : ""));
	json_object_set_new(o, "elapsed_seconds", json_real(f->seconds));
	put(o);
}

void
view_error_json(const char *text)
{
	json_t *o = message("diagnostic", "error", "", text, "");

	json_object_set_new(o, "diagnostic",
			    json_pack("{s:s, s:n, s:O, s:n}", "severity", "error", "node", "summary",
				      json_object_get(o, "@message"), "hint"));
	put(o);
}

/* A warning is a note that says so. */
static void
note(void *arg, const char *text)
{
	static const char head[] = "warning: ";
	size_t skip = strncmp(text, head, sizeof head - 1) == 0 ? sizeof head - 1 : 0;

	(void)arg;
	put(message("log", skip ? "warn" : "info", "", text + skip, ""));
}

static void
node_unreachable(void *arg, const struct node *node, const struct err *e)
{
	(void)arg;
	put(message("node_unreachable", "warn", ": ", node->name, e->text));
}

void
view_init_json(struct view *v, const struct cli *cli, struct loop *loop)
{
	*v = (struct view){
		.run = {node_unreachable, started, progress, ended, failed, note, v},
		.out = stdout,
		.cli = cli,
		.loop = loop,
	};
}
