/* Says why an engine died, from logs on this machine. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cmd/cli.h"
#include "executors/io/file.h"
#include "planner/why/why_view.h"

enum { WHY_FILE_MAX = 64 << 20 };

static void
why_print_json(const struct why *why)
{
	json_t *o = json_pack("{s:b, s:s?, s:I, s:s?, s:s?, s:s?, s:s?}", "found", why->log != NULL,
			      "log", why->log ? why->log->name : NULL, "line", (json_int_t)why->line,
			      "who", why->who && *why->who ? why->who : NULL, "text", why->text,
			      "means", why->saying && *why->saying->means ? why->saying->means : NULL,
			      "do", why->saying && *why->saying->advice ? why->saying->advice : NULL);

	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static int
why_run(struct cli *cli)
{
	struct arena a = {0};
	struct why_log *logs = ar_array(&a, struct why_log, (size_t)cli->narg + 1);
	struct str text = {0}, out = {0};
	struct why why;
	struct err e;
	int code = EXIT_ERROR;

	if (!cli->narg) {
		fprintf(stderr, "dray why: the logs are missing: dray why FILE...\nsee 'dray "
				"help why'\n");
		code = EXIT_USAGE;
		goto out;
	}
	for (int i = 0; i < cli->narg; i++) {
		const char *path = cli->arg[i];

		str_reset(&text);
		if (!file_read(open(path, O_RDONLY | O_CLOEXEC), path, WHY_FILE_MAX, &text, &e)) {
			cli_error("%s", e.text);
			goto out;
		}
		logs[i] = (struct why_log){.name = path, .text = arena_strndup(&a, str_text(&text), text.len),
			.n = text.len};
	}
	why = why_find(&a, logs, (size_t)cli->narg);
	if (cli->json) {
		why_print_json(&why);
	} else {
		why_text(&out, &why, logs, (size_t)cli->narg);
		fputs(str_text(&out), stdout);
	}
	code = why.log ? EXIT_DONE : EXIT_ERROR;
out:
	str_release(&text);
	str_release(&out);
	arena_release(&a);
	return code;
}

const struct command command_why = {
	.name = "why",
	.args = "FILE...",
	.max_args = 1000,
	.summary = "find the line in logs that says why an engine died",
	.doc = "Reads the logs of all ranks of one failed start or crash, and of Ray, docker\n"
	       "or hf. It shows the first line that says what was wrong, what the line means,\n"
	       "and what to do. Most lines of a failure only say that another process failed;\n"
	       "these are skipped. Exits 1 if no log names a cause. Often a process was\n"
	       "killed from outside then, and 'dmesg' on its node shows by whom.",
	.options = (const struct option_spec *const[]){&option_json, NULL},
	.run = why_run,
};
