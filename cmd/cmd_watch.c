/* Looks at the cluster again and again, and repairs what has died or hangs. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "cmd/hush.h"
#include "cmd/watch.h"
#include "executors/io/child.h"
#include "planner/base/json.h"
#include "planner/base/limits.h"
#include "planner/base/str.h"
#include "planner/plan/repair.h"
#include "planner/why/evidence.h"

enum { WATCH_SPEC_MAX = 4 << 20, WATCH_BUDGET_MAX = 1000, WATCH_EVERY_MAX = 86400 };

struct watch {
	const struct cli *cli;
	struct supervisor super;
	struct hush hush;
	struct run_view view;           /* of a repair: only its failures */
	char *spec;                     /* the text that is applied, as far as we know */
	char *other;                    /* that of the file, if it is not applied and that was said */
	char *refused;                  /* why there is no repair, if that was said */
	char since[32];                 /* when the fault was seen first */
	char failed[512];               /* the first failure of a repair */
};

/* One line. The words may come from a node. */
static void
watch_say(const struct watch *w, const char *state, const char *words)
{
	char now[32];
	struct str safe = {0};
	json_t *o;

	hush_time(now);
	if (w->cli->json) {
		o = json_pack("{s:s, s:s, s:s, s:o}", "type", "watch", "time", now, "state", state, "text",
			      json_shown(words));
		json_dumpf(o, stdout, JSON_COMPACT);
		json_decref(o);
		putchar('\n');
	} else {
		str_safe(&safe, words ? words : "", words ? strlen(words) : 0);
		printf("%s  %s%s%s\n", now, state, safe.len ? ": " : "", str_text(&safe));
		str_release(&safe);
	}
	fflush(stdout);
}

static void
watch_keep(char **to, const char *text)
{
	free(*to);
	*to = text ? strdup(text) : NULL;
}

/* ---- a look ---- */

/* Does the spec say what was applied, apart from what has died? This plans the graph. */
static bool
watch_is_applied(struct observation *l, const char **other)
{
	struct plan_options options = {0};
	struct diags d = {.arena = &l->c.arena};
	struct plan *plan = plan_make(&l->c.arena, l->graph, &options, &d);
	struct repair r = plan ? repair_of(&l->c.arena, plan) : (struct repair){.others = 1, .other = "no plan"};

	*other = r.other;
	return !r.others;
}

/* Say once that the file is not what is applied. */
static void
watch_say_other(struct watch *w, const char *text, const char *other)
{
	struct str s = {0};

	if (w->other && strcmp(w->other, text) == 0)
		return;
	watch_keep(&w->other, text);
	str_printf(&s, "%s is not what is applied: %s; a repair does not roll that out, 'dray apply' does",
		   w->cli->file, other ? other : "it has errors");
	watch_say(w, "spec", str_text(&s));
	str_release(&s);
}

static char *
watch_read(const struct watch *w)
{
	struct str text = {0};
	char *copy;

	if (w->spec && strcmp(w->cli->file, "-") == 0)
		return strdup(w->spec);
	if (!load_file(w->cli->file, WATCH_SPEC_MAX, &text))
		return NULL;
	copy = strdup(str_text(&text));
	str_release(&text);
	return copy;
}

static int
watch_look_at(struct watch *w, struct observation *l, const char *text)
{
	return observation_open_text(l, w->cli, w->cli->file, text);
}

/* The file has changed. It is used from now on if it says what is applied. */
static void
watch_weigh(struct watch *w, const char *text)
{
	struct cli quick = *w->cli;
	struct observation l;
	const char *other = NULL;
	bool reached, applied;

	quick.no_probe = true;
	reached = observation_open_text(&l, &quick, w->cli->file, text) == EXIT_DONE;
	applied = reached && watch_is_applied(&l, &other);
	/* Without a run the text has an error; otherwise only the look failed. */
	if (applied)
		watch_keep(&w->spec, text);
	else if (reached || !l.run)
		watch_say_other(w, text, other);
	observation_close(&l);
}

/* Look with the spec that is applied, as far as we know. */
static int
watch_open(struct watch *w, struct observation *l)
{
	char *text = watch_read(w);
	int code;

	*l = (struct observation){0};
	if (text && w->spec && strcmp(text, w->spec) != 0)
		watch_weigh(w, text);
	else
		watch_keep(&w->other, NULL);
	if (!text && !w->spec)
		return EXIT_ERROR;
	code = watch_look_at(w, l, w->spec ? w->spec : text);
	if (!w->spec && l->run)
		watch_keep(&w->spec, text);
	free(text);
	return code;
}

/* ---- the hooks ---- */

static void
watch_call(struct watch *w, struct observation *l, enum event event, const struct outage *outage)
{
	struct diags d = {.arena = &l->c.arena};

	if (l->run && !run_hooks_outage(l->run, &l->c.arena, event, outage, &d))
		diag_print(&d, stderr, w->cli->color_err);
}

/* What the logs say, in one line, or NULL. They are read before anything is touched. */
static const char *
watch_cause(struct observation *l)
{
	struct arena *a = &l->c.arena;
	struct evidence e = {0};
	struct tasks tasks = {0};
	struct err err = {0};
	struct why why;
	bool by_log;

	if (!l->graph)
		return NULL;
	observation_logs(l, false, &tasks);
	if (!run_logs(l->run, a, &tasks, NULL, ".logs.txt", &e, &err))
		return NULL;
	why = evidence_why(a, &e, &by_log);
	return evidence_line(a, &e, &why, by_log);
}

/* ---- a repair ---- */

static void
watch_on_failed(void *arg, const struct job *job, const struct failure *f)
{
	struct watch *w = arg;
	const char *why = f->why ? f->why : f->tail ? f->tail : "it failed";

	(void)job;
	if (!w->failed[0])
		snprintf(w->failed, sizeof w->failed, "%s: %.*s", f->step, (int)strcspn(why, "\n"), why);
}

static void
watch_on_note(void *arg, const char *text)
{
	struct str safe = {0};

	(void)arg;
	str_safe(&safe, text, strlen(text));
	fprintf(stderr, "%s\n", str_text(&safe));
	str_release(&safe);
}

static bool
watch_accepts(struct observation *l, void *arg)
{
	struct repair r = repair_of(&l->c.arena, l->plan);

	(void)arg;
	return !r.others && !plan_blockers(l->plan);
}

/* Plan, and leave out what is not a repair. NULL: it can be carried out; else why not. */
static const char *
watch_plan(struct watch *w, struct observation *l, struct plan_options *options, struct repair *r)
{
	static const char no_plan[] = "there is no plan: 'dray plan' shows why";
	const char *other = NULL;

	if (!observation_ask_hooks(l, w->cli, EVENT_before_plan) || observation_plan(l, w->cli, options) != EXIT_DONE)
		return no_plan;
	*r = repair_of(&l->c.arena, l->plan);
	if (r->others && r->n) {
		other = r->other;
		options->target = r->target;
		if (observation_again(l) != EXIT_DONE || observation_plan(l, w->cli, options) != EXIT_DONE)
			return no_plan;
		*r = repair_of(&l->c.arena, l->plan);
	}
	if (r->others)
		return arena_printf(&l->c.arena, "%s is not a repair: 'dray plan' shows it, 'dray apply' does it",
				    other ? other : r->other);
	if (plan_blockers(l->plan))
		return "the plan has problems that a person must solve: 'dray plan' shows them";
	if (!r->n)
		return plan_nops(l->plan) ? "an apply would not start anything: 'dray why' may tell more" : "";
	return observation_ask_hooks(l, w->cli, EVENT_after_plan) && observation_ask_hooks(l, w->cli, EVENT_on_drift)
		? NULL : "a hook stopped it";
}

static void
watch_say_refused(struct watch *w, const char *why)
{
	if (w->refused && strcmp(w->refused, why) == 0)
		return;
	watch_keep(&w->refused, why);
	watch_say(w, "no repair", why);
}

/* Say how it ended, and count it. */
static void
watch_end_repair(struct watch *w, struct observation *l, int code, long long began)
{
	struct arena *a = &l->c.arena;
	long long now = loop_clock(), pause;

	supervise_tried(&w->super, code == EXIT_DONE, now);
	if (code == EXIT_DONE) {
		watch_say(w, "repaired", arena_printf(a, "in %s", str_duration(a, (now - began + 500) / 1000)));
		return;
	}
	pause = supervise_pause(&w->super, now);
	watch_say(w, "repair failed", supervise_spent(&w->super, now) < w->super.budget
		  ? arena_printf(a, "%s; the next one not before %s", w->failed, str_duration(a, (pause + 999) / 1000))
		  : w->failed);
}

/* Returns true if it was interrupted. *wait_ms: until the next look. */
static bool
watch_repair(struct watch *w, struct observation *l, long long *wait_ms)
{
	struct plan_options options = {0};
	struct approval how = {.command = "watch", .verb = "Repair", .options = &options, .accepts = watch_accepts};
	struct repair r = {0};
	const char *refused = watch_plan(w, l, &options, &r);
	long long began = loop_clock();
	int code;

	if (refused) {
		/* Nothing to do: it came back by itself. */
		if (*refused)
			watch_say_refused(w, refused);
		else
			*wait_ms = 0;
		return false;
	}
	watch_say(w, "repair", arena_printf(&l->c.arena, "%s; %u of %u an hour", r.what,
					    supervise_spent(&w->super, began) + 1, w->super.budget));
	w->failed[0] = '\0';
	code = carry_out(l, w->cli, &how);
	if (code == EXIT_INTERRUPTED)
		return true;
	*wait_ms = code == EXIT_STALE ? w->super.again_ms : 0;
	if (l->carried && l->again) /* what it found changes the plan, so it has not succeeded yet */
		supervise_tried(&w->super, false, loop_clock());
	else if (l->carried)
		watch_end_repair(w, l, code, began);
	else if (code == EXIT_LOCKED || code == EXIT_STALE)
		watch_say(w, "repair put off", code == EXIT_LOCKED ? "an apply has begun; it goes first"
			  : "the nodes have changed meanwhile");
	else if (code != EXIT_DONE)
		*wait_ms = w->super.again_ms;
	return false;
}

/* ---- one round ---- */

static const char *
watch_words(struct watch *w, struct observation *l, const struct watch_view *v, const struct supervise_move *m)
{
	struct arena *a = &l->c.arena;
	long long s = (loop_clock() - w->super.down_at + 500) / 1000;

	if (!m->on_up)
		return v->why;
	return arena_printf(a, "again, after %s%s%s%s", str_duration(a, s), m->repaired ? "" : ", not by a repair",
			    v->why ? "; " : "", v->why ? v->why : "");
}

static void
watch_tell(struct watch *w, struct observation *l, const struct watch_view *v, const struct supervise_move *m)
{
	struct outage outage = {.state = v->word, .why = v->why, .since = w->since, .repaired = m->repaired,
		.seconds = (double)(loop_clock() - w->super.down_at) / 1000};

	if (m->tell)
		watch_say(w, v->word, watch_words(w, l, v, m));
	if (m->tell && v->sight != SIGHT_DOWN)
		watch_keep(&w->refused, NULL);
	if (m->on_down && l->run) {
		outage.cause = watch_cause(l);
		if (outage.cause)
			watch_say(w, "cause", outage.cause);
		watch_call(w, l, EVENT_on_down, &outage);
	}
	if (m->on_up)
		watch_call(w, l, EVENT_on_up, &outage);
	if (m->give_up)
		watch_say(w, "gave up", arena_printf(&l->c.arena, "%u repair%s within an hour did not help for long; it "
			"goes on looking, and repairs again once somebody else has brought the model up: 'dray why', "
			"'dray apply'", w->super.budget, w->super.budget == 1 ? "" : "s"));
}

/* Returns true if a repair was interrupted. */
static bool
watch_round(struct watch *w, int *code, long long *wait_ms)
{
	struct observation l;
	struct watch_view v;
	struct supervise_move m;
	bool well = !w->super.down && w->super.seen < SIGHT_BLIND;
	bool ended = false;

	*code = watch_open(w, &l);
	if (!w->spec)
		goto out;
	v = *code == EXIT_DONE ? watch_judge(&l)
		: (struct watch_view){SIGHT_BLIND, "unreachable", hush_line(&w->hush, &l.c.arena)};
	m = supervise_saw(&w->super, v.sight, loop_clock());
	if (well && v.sight >= SIGHT_BLIND)
		hush_time(w->since);
	/* From here on a signal ends with what was said last. */
	child_interrupts(w->super.told >= SIGHT_BLIND ? EXIT_ERROR : EXIT_DONE);
	watch_tell(w, &l, &v, &m);
	*wait_ms = m.wait_ms;
	if (m.repair)
		ended = watch_repair(w, &l, wait_ms);
out:
	observation_close(&l);
	return ended;
}

static void
watch_wait(long long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static int
watch_run(struct cli *cli)
{
	struct watch w = {.cli = cli};
	long long *ring, wait_ms = 0;
	bool ended = false;
	int code = EXIT_DONE;

	if (cli->install || cli->uninstall)
		return cli->install ? watch_install(cli) : watch_uninstall(cli);
	if (cli->budget > WATCH_BUDGET_MAX || cli->every > WATCH_EVERY_MAX)
		return cli_misused(cli, "-budget is at most %d, -every at most %d", WATCH_BUDGET_MAX, WATCH_EVERY_MAX);
	w.view = (struct run_view){.failed = watch_on_failed, .note = watch_on_note, .arg = &w};
	cli->view = &w.view;
	cli->lock_timeout = 0;
	ring = xcalloc((size_t)(cli->budget > 0 ? cli->budget : WATCH_REPAIRS), sizeof *ring);
	supervise_begin(&w.super, cli->every, (unsigned)(cli->budget < 0 ? WATCH_REPAIRS : cli->budget), ring);
	while (!ended) {
		hush_begin(&w.hush);
		ended = watch_round(&w, &code, &wait_ms);
		hush_end(&w.hush);
		if (!w.spec)
			break;
		if (!ended)
			watch_wait(wait_ms);
	}
	if (ended)
		watch_say(&w, "ended", "a repair was interrupted: 'dray plan' shows what it left");
	hush_release(&w.hush);
	free(ring);
	free(w.spec);
	free(w.other);
	free(w.refused);
	return ended ? EXIT_INTERRUPTED : code;
}

const struct command command_watch = {
	.name = "watch",
	.args = "",
	.summary = "look again and again, and repair what has died or hangs",
	.doc = "Looks at the cluster every 30 s (-every) as 'dray status' does, until Ctrl-C,\n"
	       "SIGTERM or SIGHUP, and prints one line for each change. A fault (a rank that\n"
	       "died, a completion that hangs, a node that was rebooted) counts when two looks\n"
	       "in a row have seen it. Then it reads the logs, says the cause, calls the hooks\n"
	       "for on_down, and repairs as 'dray apply -auto-approve' would. When the model is\n"
	       "served again, it calls the hooks for on_up.\n"
	       "\n"
	       "It only repairs: it starts again what was applied, with the same inputs. It\n"
	       "leaves out changes of the spec that were not applied, and says so. It does not\n"
	       "start what 'dray stop' or 'dray destroy' ended, nor continue an apply that was\n"
	       "interrupted. It holds no lock between repairs, and waits while an apply runs. A\n"
	       "node that does not answer it cannot repair; it goes on looking.\n"
	       "\n"
	       "It makes at most 3 repairs in an hour (-budget) and waits longer after each, at\n"
	       "first 1 min. When the budget is used up, it says so and only looks, until\n"
	       "somebody else has brought the model up.\n"
	       "\n"
	       "-install writes a systemd user unit and shows how to start it.\n"
	       "\n"
	       "A signal ends it with 0, or with 1 while there is a fault. During a repair the\n"
	       "signal counts as in 'dray apply', and the exit status is 130.",
	.options = (const struct option_spec *const[]){&option_file, &option_every, &option_budget,
		&option_json, &option_parallelism, &option_install, &option_uninstall, &option_no_color, NULL},
	.hooks = true,
	.watches = true,
	.asks = ASKS_TOKEN,
	.run = watch_run,
};
