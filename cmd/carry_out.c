/* The second half of apply, restart, stop and destroy: approval, locks, a second look, the run and
 * its summary. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/observation.h"
#include "executors/io/child.h"
#include "executors/io/loop.h"
#include "planner/base/hash.h"

/* Each round after the first locks nodes that the look before did not know. */
enum { MAX_LOCK_ROUNDS = 8 };

/* Does it remove everything, down to our own files? */
static bool
carry_out_is_full(const struct approval *ap)
{
	return ap->options->destroy && !ap->options->stop && !ap->options->target;
}

bool
is_idle(const struct observation *l, const struct approval *ap)
{
	const struct cluster *cluster = l->c.cluster;

	if (plan_nops(l->plan) > 0 || plan_forgets(l->plan))
		return false;
	for (size_t i = 0; carry_out_is_full(ap) && i < cluster->nnode; i++) {
		const struct facts *f = cluster->node[i].facts;

		if (f->state == FACTS_OK && f->members && !cluster->node[i].keeps)
			return false;
	}
	return true;
}

bool
may_start(const struct observation *l, const struct approval *ap)
{
	const struct cluster *cluster = l->c.cluster;

	if (!ap->options->destroy) {
		if (plan_blockers(l->plan) > 0)
			cli_error("%s will not start: solve the problems above first; %s", ap->command,
				  cli_unchanged());
		return plan_blockers(l->plan) == 0;
	}
	for (size_t i = 0; i < cluster->nnode; i++) {
		const struct node *n = &cluster->node[i];

		if (!plan_blocked_by(n))
			continue;
		cli_error("%s will not start: node %s is unreachable; %s", ap->command, n->name,
			  cli_unchanged());
		fprintf(stderr, "hint: if it is gone for good, %suse -forget %s\n",
			n->spec ? "remove it from the spec and " : "", n->name);
		return false;
	}
	if (cluster->ncut) {
		cli_error("%s will not start: %s names more nodes that left the spec than dray "
			  "accepts; nothing was changed", ap->command, cluster->cut_by);
		return false;
	}
	if (l->plan->nunknown)
		cli_error("%s will not start: %zu step%s cannot be observed; %s", ap->command,
			  l->plan->nunknown, l->plan->nunknown == 1 ? "" : "s", cli_unchanged());
	return !l->plan->nunknown;
}

static void
carry_out_on_answer(void *arg, short revents)
{
	bool *there = arg;

	(void)revents;
	*there = true;
}

bool
approve(const struct observation *l, const struct cli *cli, const struct approval *ap)
{
	const char *verb = ap->command;
	bool there = false;
	char line[64];

	if (cli->auto_approve || ap->accepts)
		return true;
	if (!isatty(STDIN_FILENO)) {
		cli_error("there is no terminal to ask on: use 'dray %s -auto-approve'%s; %s", verb,
			  strcmp(verb, "apply") != 0 ? ""
				: ", or 'dray plan -out FILE' and 'dray apply FILE'",
			  cli_unchanged());
		return false;
	}
	printf("\n%s\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ", ap->question);
	fflush(stdout);
	/* A terminal delivers a whole line; the loop runs until then. */
	loop_fd(l->loop, STDIN_FILENO, POLLIN, carry_out_on_answer, &there);
	loop_run(l->loop, &there);
	loop_fd(l->loop, STDIN_FILENO, 0, NULL, NULL);
	if (fgets(line, sizeof line, stdin) && strcmp(line, "yes\n") == 0) {
		putchar('\n');
		return true;
	}
	fprintf(stderr, "\n%s cancelled; %s\n", verb, cli_unchanged());
	return false;
}

/* ---- under the lock ---- */

/* Lock every node that answers, and look at all nodes again. A look may find nodes that only
 * other nodes know; these are locked, too, before anything is decided. */
static int
carry_out_lock_and_look(struct observation *l, const struct cli *cli, const char *id)
{
	struct err err = {0};
	bool held = false, more = true;
	int code;

	for (int round = 0; more && round < MAX_LOCK_ROUNDS; round++) {
		if (!run_lock(l->run, id, (long)cli->lock_timeout, &held, &err)) {
			cli_error("%s; %s", err.text, cli_unchanged());
			cli_hint(&err);
			return held ? EXIT_LOCKED : EXIT_ERROR;
		}
		code = observation_again(l);
		if (code != EXIT_DONE)
			return code;
		more = run_unlocked(l->run);
	}
	return more ? cli_error("every look finds more nodes; %s",
				  cli_unchanged())
		    : EXIT_DONE;
}

/* How the plan differs from the approved one; NULL: it does not. */
static const char *
carry_out_plan_differs(struct observation *l, const struct plan *approved)
{
	struct arena *a = &l->c.arena;
	const char *text = plan_save(a, approved, l->c.src.text);
	struct err err = {0};
	struct saved_plan *then = plan_load(a, text, strlen(text), &err);

	return then ? plan_stale(a, then, l->plan) : err.text[0] ? arena_strdup(a, err.text) : "";
}

/* Show the new plan instead of the approved one and ask again. The locks are kept meanwhile. */
static int
carry_out_approve_again(struct observation *l, const struct cli *cli, const struct approval *ap,
			const char *differs)
{
	if (ap->accepts)
		return ap->accepts(l, ap->arg) ? EXIT_DONE : EXIT_STALE;
	if (cli->json) {
		l->view.run.note(l->view.run.arg, arena_printf(&l->c.arena, "warning: the nodes have "
			"changed since the plan above was made:\n%s", differs));
	} else {
		printf("\nThe nodes have changed since the plan above was made:\n%s\n", differs);
		fflush(stdout);
	}
	if (!observation_show(l, cli) || !may_start(l, ap))
		return EXIT_ERROR;
	if (plan_nops(l->plan) == 0 && !plan_forgets(l->plan))
		return EXIT_DONE;
	return approve(l, cli, ap) ? EXIT_DONE : EXIT_ERROR;
}

/* Make sure that the approved plan still matches what a look under the locks shows. */
static int
carry_out_settle_plan(struct observation *l, const struct cli *cli, const struct approval *ap,
		      const char *id)
{
	for (;;) {
		const struct plan *approved = l->plan;
		const char *differs;
		int code = carry_out_lock_and_look(l, cli, id);

		if (code == EXIT_DONE)
			code = observation_plan(l, cli, ap->options);
		if (code != EXIT_DONE)
			return code;
		differs = carry_out_plan_differs(l, approved);
		if (!differs)
			return may_start(l, ap) ? EXIT_DONE : EXIT_ERROR;
		if (ap->saved) {
			fflush(stdout);
			fprintf(stderr, "dray: error: the nodes have changed since the saved plan "
				"was checked:\n%s%s; run 'dray plan -out %s' again and read what "
				"differs\n", differs, cli_unchanged(), ap->saved);
			return EXIT_STALE;
		}
		code = carry_out_approve_again(l, cli, ap, differs);
		/* With -auto-approve no time passed since the look: it need not be repeated. */
		if (code != EXIT_DONE || cli->auto_approve || ap->accepts || plan_nops(l->plan) == 0)
			return code;
	}
}

static int
carry_out_exit_code(const struct run_tally *t)
{
	if (t->interrupted)
		return EXIT_INTERRUPTED;
	if (t->failed == 0 && t->cancelled == 0 && t->skipped == 0)
		return EXIT_DONE;
	return t->changed ? EXIT_PARTIAL : EXIT_ERROR;
}

int
carry_out(struct observation *l, const struct cli *cli, const struct approval *ap)
{
	char id[HASH_HEX];
	long long began = loop_clock();
	struct run_tally tally;
	int code;

	hash_random(id);
	id[16] = '\0';
	code = carry_out_settle_plan(l, cli, ap, id);
	/* A full destroy goes on even if there is nothing left: our lock file must go. */
	if (code != EXIT_DONE || (is_idle(l, ap) && !carry_out_is_full(ap)))
		return code;
	l->carried = true;
	tally = run_apply(l->run, &l->c.arena, l->plan, id);
	view_settle(&l->view, true);
	if (tally.changed || carry_out_exit_code(&tally) == EXIT_DONE)
		cli_changed();
	l->again = tally.again && !tally.failed && !tally.interrupted;
	if (cli->json && !ap->accepts)
		view_summary_json(&tally, ap->verb);
	else if (!ap->accepts)
		view_summary(cli, &tally, ap->verb);
	if (!cli->json && !ap->accepts && !l->again && !ap->options->destroy && !ap->options->target)
		view_outcome(&l->c.arena, &l->view, l->graph, &tally,
			     carry_out_exit_code(&tally) == EXIT_DONE, loop_clock() - began);
	/* The result is final: an interrupt during the cleanup ends with the same status. */
	cli_flush();
	code = carry_out_exit_code(&tally);
	child_interrupts(l->again ? EXIT_INTERRUPTED : code);
	loop_interrupt(l->loop, NULL, NULL);
	return code;
}
