/* Shows what differs between the spec and what really runs; changes nothing. */
#include <string.h>

#include "cmd/observation.h"
#include "executors/io/file.h"

static int
cmd_plan_save(struct observation *l, const struct cli *cli)
{
	const char *text = plan_save(&l->c.arena, l->plan, l->c.src.text);
	struct err e = {0};

	if (!file_write(cli->out, text, strlen(text), 0600, &e))
		return cli_error("%s", e.text);
	cli_stands("the plan is saved in '%s'", cli->out);
	if (!cli->json)
		printf("\nSaved the plan to: %s\n\nTo carry out exactly these actions, run:\n"
		       "    dray apply %s\n", cli->out, cli->out);
	return EXIT_DONE;
}

/* Warn of files that have changed since the earlier apply: the spec's files are read as they are now. */
static void
cmd_plan_compare_files(struct observation *l, const char *id, char *files)
{
	const struct spec *spec = l->c.cluster->spec;
	char *line;

	while ((line = strsep(&files, "\n"))) {
		char *sha = line;
		const char *name = strsep(&sha, " ");

		for (size_t i = 0; sha && i < spec->carried.n; i++) {
			const struct spec_carried *f = &spec->carried.v[i];

			if (f->name && f->sha256 && strcmp(f->name, name) == 0 && strcmp(f->sha256, sha) != 0)
				diag_node(&l->problems, DIAG_WARNING, NULL,
					  "restore the earlier file first; dray keeps only the hashes of files",
					  "the file '%s' is not the one of apply %.8s: %.19s… then, %.19s… now", name, id,
					  sha, f->sha256);
		}
	}
}

/* The spec of an earlier apply, which a node keeps. A spec is a program, so only the bytes that
 * this user has applied from here before are taken from a node. */
static int
cmd_plan_open_from(struct observation *l, const struct cli *cli)
{
	const struct history_entry *e;
	struct observation now;
	struct history h = {0};
	const char *slash = strrchr(cli->file, '/');
	struct str text = {0}, name = {0}, files = {0}, id = {0};
	int code = history_open(&now, cli, &h);

	*l = (struct observation){0};
	e = code == EXIT_DONE ? history_need(&h, cli->from) : NULL;
	if (e && run_spec_is_ours(e->spec)) {
		str_puts(&text, e->spec);
		str_puts(&files, e->files);
		str_puts(&id, e->id);
		/* Files that it names are looked for beside today's. */
		str_printf(&name, "%.*sapply-%.8s", slash ? (int)(slash - cli->file) + 1 : 0, cli->file, e->id);
	} else if (e) {
		cli_error("the spec of apply %.8s is only on the nodes: it was not applied by you from here", e->id);
		fprintf(stderr, "hint: a spec can run commands here, so read it first:\n"
			"  dray history show %.8s >old.yaml\n  dray plan -f old.yaml\n", e->id);
	}
	observation_close(&now);
	code = text.len ? observation_open_text(l, cli, str_text(&name), str_text(&text)) : EXIT_ERROR;
	if (code == EXIT_DONE && text.len)
		cmd_plan_compare_files(l, str_text(&id), files.buf ? files.buf : (char[]){""});
	str_release(&text);
	str_release(&name);
	str_release(&files);
	str_release(&id);
	return code;
}

static int
plan_run(struct cli *cli)
{
	struct plan_options options = {
		.target = cli->target, .replace = cli->replace, .forget = cli->forget,
	};
	struct observation l;
	int code;

	if (cli->from && cli->facts)
		return cli_misused(cli, "-from asks the nodes, so it does not go with -facts");
	code = cli->from ? cmd_plan_open_from(&l, cli) : observation_open(&l, cli);
	if (code == EXIT_DONE)
		code = observation_plan(&l, cli, &options);
	if (code != EXIT_DONE)
		goto out;
	if (!observation_show(&l, cli) || plan_blockers(l.plan) > 0)
		code = EXIT_ERROR;
	else if (cli->out)
		code = cmd_plan_save(&l, cli);
	if (code == EXIT_DONE && cli->detailed_exitcode && plan_nops(l.plan) > 0)
		code = EXIT_CHANGES;
out:
	observation_close(&l);
	return code;
}

const struct command command_plan = {
	.name = "plan",
	.aka = "diff preview check dry-run changes",
	.args = "",
	.summary = "show what differs between the spec and the hosts",
	.doc = "Looks at every node and shows, value by value, what apply would do and why.\n"
	       "Writes nothing on any node and takes no lock. If the model is up, asks its API\n"
	       "for one token; this takes up to 20 s if the API hangs, and -no-probe leaves it\n"
	       "out. Exits 0, or 1 for errors, including an unreachable node. With\n"
	       "-detailed-exitcode it exits 0 if there is nothing to do and 2 if there are\n"
	       "changes.\n"
	       "\n"
	       "-from ID plans the spec of an earlier apply, which the nodes of today's spec\n"
	       "keep; 'dray plan -from ID -out FILE' and 'dray apply FILE' go back to it. This\n"
	       "works only if you applied that spec from this machine. If not, read what\n"
	       "'dray history show ID' prints before you plan it.",
	.options = (const struct option_spec *const[]){&option_file, &option_from, &option_out,
		&option_detailed_exitcode, &option_json, &option_target, &option_replace, &option_forget,
		&option_facts, &option_secrets, &option_record, &option_dot, &option_parallelism, &option_no_color,
		&option_no_probe, &option_verify, &option_verbose, NULL},
	.hooks = true,
	.asks = ASKS_TOKEN,
	.run = plan_run,
};
