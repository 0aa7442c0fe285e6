/* The view for programs: one JSON object a line. Every type has an @message, so that readers
 * can show types that they don't know. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/view.h"
#include "planner/base/str.h"
#include "planner/base/json.h"

static void
view_json_put(json_t *o)
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

/* An object with the @message "a: b", or only `a`. */
static json_t *
view_json_message(const char *type, const char *level, const char *a, const char *b)
{
	struct str text = {0};
	json_t *o = json_pack("{s:s, s:s}", "type", type, "@level", level);

	str_puts(&text, a);
	if (b)
		str_printf(&text, ": %s", b);
	json_object_set_new(o, "@message", json_shown(str_text(&text)));
	str_release(&text);
	return o;
}

static void
view_json_hook(json_t *o, const struct job *j)
{
	const struct step *s = j->op->step;

	json_object_set_new(o, "hook",
			    json_pack("{s:{s:s, s:s, s:s?}, s:s}", "resource", "addr", s->addr, "kind",
				      s->kind->name, "node", s->node ? s->node->name : NULL, "action",
				      j->down ? "down" : "up"));
}

static void
view_json_started(void *arg, const struct job *j)
{
	json_t *o = view_json_message("apply_start", "info", j->op->step->addr, job_doing(j));

	(void)arg;
	view_json_hook(o, j);
	view_json_put(o);
}

static void
view_json_progress(void *arg, const struct job *j, const char *text)
{
	json_t *o = view_json_message("apply_progress", "info", j->op->step->addr, text);

	(void)arg;
	view_json_hook(o, j);
	view_json_put(o);
}

static void
view_json_ended(void *arg, const struct job *j, double seconds)
{
	json_t *o = view_json_message("apply_complete", "info", j->op->step->addr, job_done(j));

	(void)arg;
	view_json_hook(o, j);
	json_object_set_new(o, "elapsed_seconds", json_real(seconds));
	if (j->op->step->observed.instance && !j->down)
		json_object_set_new(o, "instance", json_shown(j->op->step->observed.instance));
	view_json_put(o);
}

static void
view_json_failed(void *arg, const struct job *j, const struct failure *f)
{
	const char *why = f->why ? f->why : "failed";
	json_t *o = view_json_message("apply_errored", "error", f->step, why);

	(void)arg;
	if (j)
		view_json_hook(o, j);
	json_object_set_new(o, "ran", json_shown(f->what ? f->what : ""));
	json_object_set_new(o, "means", json_shown(f->means));
	json_object_set_new(o, "do", json_shown(f->advice));
	json_object_set_new(o, "status", f->ran ? json_integer(f->status) : json_null());
	json_object_set_new(o, "tail", json_shown(f->tail ? f->tail : ""));
	json_object_set_new(o, "next", json_shown(f->next ? f->next : ""));
	json_object_set_new(o, "elapsed_seconds", json_real(f->seconds));
	view_json_put(o);
}

void
view_error_json(const char *text)
{
	json_t *o = view_json_message("diagnostic", "error", text, NULL);

	json_object_set_new(o, "diagnostic",
			    json_pack("{s:s, s:n, s:O, s:n}", "severity", "error", "node", "summary",
				      json_object_get(o, "@message"), "hint"));
	view_json_put(o);
}

/* A note that starts with "warning: " is a warning. */
static void
view_json_note(void *arg, const char *text)
{
	static const char head[] = "warning: ";
	size_t skip = strncmp(text, head, sizeof head - 1) == 0 ? sizeof head - 1 : 0;

	(void)arg;
	view_json_put(view_json_message("log", skip ? "warn" : "info", text + skip, NULL));
}

static void
view_json_node_unreachable(void *arg, const struct node *node, const struct err *e)
{
	(void)arg;
	view_json_put(view_json_message("node_unreachable", "warn", node->name, e->text));
}

void
view_init_json(struct view *v, const struct cli *cli, struct loop *loop)
{
	*v = (struct view){
		.run = {.node_unreachable = view_json_node_unreachable, .started = view_json_started,
			.progress = view_json_progress, .ended = view_json_ended,
			.failed = view_json_failed, .note = view_json_note, .arg = v},
		.out = stdout,
		.cli = cli,
		.loop = loop,
	};
}
