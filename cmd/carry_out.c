/* The second half of apply and destroy: approval, locks, the run, the summary. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/look.h"
#include "planner/base/hash.h"

bool
approve(const struct cli *cli, const char *question, const char *verb)
{
	char line[64];

	if (cli->auto_approve)
		return true;
	if (!isatty(STDIN_FILENO)) {
		cli_error("no terminal to ask on: 'dray %s -auto-approve' goes on without asking, or "
			  "'dray plan -out FILE' and 'dray apply FILE'; nothing was changed", verb);
		return false;
	}
	printf("\n%s\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ", question);
	fflush(stdout);
	if (fgets(line, sizeof line, stdin) && strcmp(line, "yes\n") == 0) {
		putchar('\n');
		return true;
	}
	fprintf(stderr, "\n%s cancelled; nothing was changed\n", verb);
	return false;
}

static int
exit_code(const struct run_tally *t)
{
	if (t->interrupted)
		return EXIT_INTERRUPTED;
	if (t->failed == 0 && t->cancelled == 0 && t->skipped == 0)
		return EXIT_DONE;
	return t->changed ? EXIT_PARTIAL : EXIT_ERROR;
}

int
carry_out(struct look *l, const struct cli *cli, const char *verb)
{
	char id[HASH_HEX];
	struct err err = {0};
	struct run_tally tally;
	bool held = false;

	hash_random(id);
	id[16] = '\0';
	if (!run_lock(l->run, id, &held, &err)) {
		cli_error("%s; nothing was changed", err.text);
		if (*err.hint)
			fprintf(stderr, "hint: %s\n", err.hint);
		return held ? EXIT_LOCKED : EXIT_ERROR;
	}
	tally = run_apply(l->run, &l->c.arena, l->plan, id);
	l->again = tally.again && !tally.failed && !tally.interrupted;
	if (cli->json)
		view_summary_json(&tally, verb);
	else
		view_summary(cli, &tally, verb);
	return exit_code(&tally);
}
