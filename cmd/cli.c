/* Command-line options: one table entry drives parsing, help and the manual. */
#include "cmd/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executors/io/patience.h"
#include "planner/base/alike.h"
#include "planner/base/arena.h"
#include "planner/base/diag.h"
#include "planner/base/path.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"

enum { SECONDS_MAX = 1000000 };          /* of an option; eleven days */

#define AT(member) offsetof(struct cli, member)

const struct option_spec option_file = {"f", OPTION_TEXT, AT(file), "FILE",
	"the spec (default cluster.yaml)", "c config file spec filename"};
const struct option_spec option_out = {"out", OPTION_TEXT, AT(out), "FILE",
	"save the plan, for 'dray apply FILE'", "o output"};
const struct option_spec option_detailed_exitcode = {"detailed-exitcode", OPTION_FLAG,
	AT(detailed_exitcode), NULL, "exit 0: nothing to do, 2: changes, 1: error"};
const struct option_spec option_json = {"json", OPTION_FLAG, AT(json), NULL,
	"print JSON, for programs"};
const struct option_spec option_target = {"target", OPTION_LIST, AT(target), "ADDRESS",
	"only this step and what it needs; may be repeated"};
const struct option_spec option_replace = {"replace", OPTION_LIST, AT(replace), "ADDRESS",
	"replace this step even if nothing changed; may be repeated"};
const struct option_spec option_forget = {"forget", OPTION_LIST, AT(forget), "NODE",
	"give up this node, which is not in the spec and does not answer; may be repeated"};
const struct option_spec option_auto_approve = {"auto-approve", OPTION_FLAG,
	AT(auto_approve), NULL, "don't ask for 'yes'", "y yes assume-yes approve"};
const struct option_spec option_parallelism = {"parallelism", OPTION_NUMBER,
	AT(parallelism), "N", "work on at most N nodes at a time (default limits.parallel)", "j p jobs parallel"};
const struct option_spec option_no_color = {"no-color", OPTION_FLAG, AT(no_color), NULL,
	"no colors; the environment variable NO_COLOR does the same"};
const struct option_spec option_verbose = {"v", OPTION_FLAG, AT(verbose), NULL,
	"show more: unchanged attributes, full values, timings, what runs where", "verbose debug"};
const struct option_spec option_purge = {"purge", OPTION_FLAG, AT(purge), NULL,
	"also remove the downloaded model and the image"};
const struct option_spec option_facts = {"facts", OPTION_TEXT, AT(facts), "DIR|FILE",
	"use recorded observations (of -record or discover -o) instead of asking the nodes"};
const struct option_spec option_record = {"record", OPTION_TEXT, AT(record), "DIR",
	"write what each node answered to DIR"};
const struct option_spec option_dot = {"dot", OPTION_FLAG, AT(dot), NULL,
	"print the step graph for Graphviz instead"};
const struct option_spec option_format = {"format", OPTION_TEXT, AT(format), "FORMAT",
	"json (the JSON Schema, default), markdown or scdoc (the reference page)"};
const struct option_spec option_force = {"force", OPTION_FLAG, AT(force), NULL,
	"overwrite an existing file"};
const struct option_spec option_config = {"config", OPTION_TEXT, AT(config), "FILE",
	"the model's config.json, instead of the Hub's or the node's"};
const struct option_spec option_index = {"index", OPTION_TEXT, AT(index), "FILE",
	"its model.safetensors.index.json"};
const struct option_spec option_weights = {"weights", OPTION_TEXT, AT(weights), "PATH",
	"its safetensors file, a folder of them, or tensors.tsv of -record; only headers are read"};
const struct option_spec option_local = {"local", OPTION_FLAG, AT(local), NULL,
	"look only at this machine, without a spec"};
const struct option_spec option_save = {"o", OPTION_TEXT, AT(save), "FILE",
	"write the JSON document to FILE, for 'dray plan -facts FILE'"};

const struct option_spec option_secrets = {"secrets", OPTION_FLAG, AT(secrets), NULL,
	"let the spec and its Lua files read secrets (cmd: runs a command here) and ask servers"};
const struct option_spec option_no_probe = {"no-probe", OPTION_FLAG, AT(no_probe), NULL,
	"don't ask the running API for a token"};
const struct option_spec option_verify = {"verify", OPTION_FLAG, AT(verify), NULL,
	"read and hash all weights on every node; this takes as long as its disk needs"};
const struct option_spec option_lock_timeout = {"lock-timeout", OPTION_SECONDS,
	AT(lock_timeout), "SECONDS",
	"how long to wait for another apply to end (default 20; 0: don't wait)"};
const struct option_spec option_from = {"from", OPTION_TEXT, AT(from), "ID",
	"plan the spec of that earlier apply (see 'dray history') instead of the file"};
const struct option_spec option_system = {"system", OPTION_TEXT, AT(system), "TEXT",
	"the system prompt"};
const struct option_spec option_max_tokens = {"max-tokens", OPTION_NUMBER, AT(max_tokens), "N",
	"end the answer after N tokens"};
const struct option_spec option_port = {"port", OPTION_NUMBER, AT(port), "N",
	"the local port (default: the API's own number, or any that is free)"};

const struct option_spec option_concurrency = {"concurrency", OPTION_TEXT, AT(concurrency), "N,N,...",
	"requests at a time, a step for each number (default 1,4,16,64)"};
const struct option_spec option_prompts = {"prompts", OPTION_NUMBER, AT(prompts), "N",
	"requests of each step (default 4 times those at a time, at least 16)"};
const struct option_spec option_input = {"input", OPTION_NUMBER, AT(input), "N",
	"tokens of each prompt (default 1024, or what the context allows)"};
const struct option_spec option_output = {"output", OPTION_NUMBER, AT(output), "N",
	"tokens of each answer (default 128, or what the context allows)"};
const struct option_spec option_svg = {"svg", OPTION_TEXT, AT(svg), "FILE",
	"write a plot of throughput and time to the first token to FILE"};

const struct option_spec option_since = {"since", OPTION_TEXT, AT(since), "TIME",
	"only lines since then: 90s, 10m, 2h, 3d ago, or 2026-11-22T20:00:00 (UTC)"};
const struct option_spec option_tail = {"tail", OPTION_NUMBER, AT(tail), "N",
	"at most the last N lines of each log (default 100 without -since and -grep)", "n lines"};
const struct option_spec option_follow = {"f", OPTION_FLAG, AT(follow), NULL,
	"follow: show new lines as they come, until Ctrl-C", "follow"};
const struct option_spec option_spec_file = {"file", OPTION_TEXT, AT(file), "FILE",
	"the spec (default cluster.yaml); -f follows here", "c config spec"};
const struct option_spec option_previous = {"previous", OPTION_FLAG, AT(previous), NULL,
	"read the logs that the nodes kept when the last containers or processes ended"};
const struct option_spec option_grep = {"grep", OPTION_TEXT, AT(grep), "REGEX",
	"only lines that match this extended regular expression"};
const struct option_spec option_watch = {"watch", OPTION_FLAG, AT(watch), NULL,
	"look again and again until Ctrl-C: in place on a terminal, else only what has changed"};
const struct option_spec option_every = {"every", OPTION_NUMBER, AT(every), "SECONDS",
	"the time between two looks (default 30; dray status -watch: 5)"};
const struct option_spec option_budget = {"budget", OPTION_SECONDS, AT(budget), "N",
	"at most N repairs in an hour (default 3; 0: only look, and call the hooks)"};
const struct option_spec option_install = {"install", OPTION_FLAG, AT(install), NULL,
	"write a systemd user unit that watches this spec, and show how to start it"};
const struct option_spec option_uninstall = {"uninstall", OPTION_FLAG, AT(uninstall), NULL,
	"remove that unit again"};

#define COMMAND(name) extern const struct command command_##name;
#include "cmd/commands.def"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "cmd/commands.def"
#undef COMMAND
	NULL
};

const struct command *
command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

const char *
cli_quiet(const struct cli *cli)
{
	static char words[100];

	if (cli->secrets || (!cli->command->quiet && !cli->facts))
		return NULL;
	snprintf(words, sizeof words, "'dray %s%s' reads secrets and asks servers only with -secrets", cli->command->name,
		 cli->command->quiet ? "" : " -facts");
	return words;
}

/* The text of a message on the terminal. Parts of it may come from a node. */
static void
cli_said(struct str *safe, const char *fmt, va_list ap)
{
	struct str text = {0};

	str_vprintf(&text, fmt, ap);
	str_safe(safe, str_text(&text), text.len);
	str_release(&text);
}

int
cli_error(const char *fmt, ...)
{
	struct str safe = {0};
	va_list ap;

	va_start(ap, fmt);
	cli_said(&safe, fmt, ap);
	va_end(ap);
	fprintf(stderr, "dray: error: %s\n", str_text(&safe));
	str_release(&safe);
	return EXIT_ERROR;
}

void
cli_hint(const struct err *e)
{
	struct str safe = {0};

	str_safe(&safe, e->hint, strlen(e->hint));
	if (safe.len)
		fprintf(stderr, "hint: %s\n", str_text(&safe));
	str_release(&safe);
}

/* ---- the end: what was done, and whether the output was written ---- */

static struct {
	bool changed;
	struct str stands;
} done;

void cli_changed(void) { done.changed = true; }

const char *
cli_unchanged(void)
{
	return done.changed ? "nothing more was changed" : "nothing was changed";
}

void
cli_stands(const char *fmt, ...)
{
	va_list ap;

	str_reset(&done.stands);
	va_start(ap, fmt);
	str_vprintf(&done.stands, fmt, ap);
	va_end(ap);
}

/* errno of the first flush that failed. */
static int lost;

void
cli_flush(void)
{
	if (fflush(stdout) != 0 && !lost)
		lost = errno;
}

/* The exit code of a command that changes nodes is about the nodes, even if its output could
 * not be written. For a command that only shows something, the output is the work. */
int
cli_end(int code)
{
	bool ok = code == EXIT_DONE || code == EXIT_CHANGES, failed = ferror(stdout);
	const char *why;

	cli_flush();
	why = lost ? strerror(lost) : failed ? "part of it is lost" : NULL;
	if (code == EXIT_ERROR && done.changed)
		code = EXIT_PARTIAL;
	if (why) {
		cli_error("cannot write the output: %s%s%s", why, ok && (done.stands.len || done.changed)
			  ? "; " : "", !ok ? "" : done.stands.len ? done.stands.buf
			  : done.changed ? "everything else was done" : "");
		if (ok && !done.changed)
			code = EXIT_ERROR;
	}
	str_release(&done.stands);
	return code;
}

int
cli_misused(const struct cli *cli, const char *fmt, ...)
{
	const char *name = cli->command->name;
	struct str safe = {0};
	va_list ap;

	va_start(ap, fmt);
	cli_said(&safe, fmt, ap);
	va_end(ap);
	fprintf(stderr, "dray %s: %s\nsee 'dray help%s%s'\n", name, str_text(&safe),
		strcmp(name, "help") == 0 ? "" : " ", strcmp(name, "help") == 0 ? "" : name);
	str_release(&safe);
	return EXIT_USAGE;
}

static const struct option_spec *
cli_find(const struct command *c, const char *name, size_t n)
{
	for (size_t i = 0; c->options[i]; i++)
		if (strlen(c->options[i]->name) == n && strncmp(c->options[i]->name, name, n) == 0)
			return c->options[i];
	return NULL;
}

static bool
cli_has(const struct command *c, const struct option_spec *option)
{
	for (size_t i = 0; c->options[i]; i++)
		if (c->options[i] == option)
			return true;
	return false;
}

static void
cli_unknown(const struct cli *cli, const char *given, const char *name)
{
	const struct option_spec *const *options = cli->command->options;
	const char *names[32], *near = NULL;
	size_t n = 0;

	for (; options[n] && n < countof(names); n++) {
		names[n] = options[n]->name;
		if (alike_among(name, options[n]->aka))
			near = names[n];
	}
	near = near ? near : diag_nearest(name, names, n);
	if (near)
		cli_misused(cli, "unknown option '%s' (did you mean '-%s'?)", given, near);
	else if (alike_among(name, "dry-run n check") && cli_has(cli->command, &option_auto_approve))
		cli_misused(cli, "unknown option '%s' (without -auto-approve it shows what it would do, and asks)", given);
	else
		cli_misused(cli, "unknown option '%s'", given);
}

bool
cli_is_spec(const char *file)
{
	return path_ends(file, ".yaml") || path_ends(file, ".yml");
}

/* Report what is behind the arguments that the command takes. */
static void
cli_unexpected(const struct cli *cli, const char *word)
{
	cli_misused(cli, "unexpected argument '%s'%s", word, cli_is_spec(word) &&
		    cli_has(cli->command, &option_file) ? " (-f FILE names the spec)" : "");
}

static bool
cli_store_number(const struct cli *cli, const struct option_spec *o, const char *value,
		 long long least, long long most, long long *to)
{
	char *end, limit[40] = "";

	errno = 0;
	*to = strtoll(value, &end, 10);
	if (!errno && !*end && end != value && *to >= least && *to <= most)
		return true;
	if (most < LLONG_MAX)
		snprintf(limit, sizeof limit, " and at most %lld", most);
	cli_misused(cli, "option '-%s' needs a number of at least %lld%s, not '%s'", o->name, least, limit, value);
	return false;
}

static bool
cli_store(struct cli *cli, const struct option_spec *o, const char *value)
{
	void *at = (char *)cli + o->offset;

	switch (o->type) {
	case OPTION_FLAG:
		*(bool *)at = true;
		return true;
	case OPTION_TEXT:
		*(const char **)at = value;
		return true;
	case OPTION_NUMBER:
		return cli_store_number(cli, o, value, 1, LLONG_MAX, at);
	case OPTION_SECONDS:
		return cli_store_number(cli, o, value, 0, SECONDS_MAX, at);
	case OPTION_LIST: {
		const char ***list = at;
		size_t n = 0;

		while (*list && (*list)[n])
			n++;
		*list = xrealloc(*list, (n + 2) * sizeof **list);
		(*list)[n] = value;
		(*list)[n + 1] = NULL;
		return true;
	}
	}
	return false;
}

/* Read the option argv[*i] and its value, which may be the next word. False: it is wrong, which was
 * said, or it asks for help. */
static bool
cli_read_option(struct cli *cli, int argc, char **argv, int *i)
{
	const char *word = argv[*i], *name = word + (word[1] == '-' ? 2 : 1);
	const char *equals = strchr(name, '='), *value = NULL;
	const struct option_spec *o = cli_find(cli->command, name, equals ? (size_t)(equals - name) : strlen(name));

	if (!o) {
		cli->help = strcmp(name, "h") == 0 || strcmp(name, "help") == 0;
		if (!cli->help)
			cli_unknown(cli, word, name);
		return false;
	}
	if (o->type == OPTION_FLAG && equals) {
		cli_misused(cli, "option '-%s' takes no value", o->name);
		return false;
	}
	if (o->type != OPTION_FLAG) {
		value = equals ? equals + 1 : *i + 1 < argc ? argv[++*i] : NULL;
		if (!value || !*value) {
			cli_misused(cli, "option '-%s' needs a value: -%s %s", o->name, o->name, o->arg);
			return false;
		}
	}
	return cli_store(cli, o, value);
}

static bool
cli_wants_color(int fd, const struct cli *cli)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !cli->no_color && !cli->json && !(no && *no) && isatty(fd) && term &&
	       strcmp(term, "dumb") != 0;
}

bool
cli_parse(struct cli *cli, const struct command *c, int argc, char **argv)
{
	bool options = true;

	*cli = (struct cli){.command = c, .lock_timeout = patience.lock, .budget = -1};
	cli->arg = xcalloc((size_t)argc + 1, sizeof *cli->arg);
	for (int i = 0; i < argc; i++) {
		if (!options || argv[i][0] != '-' || !argv[i][1]) {
			cli->arg[cli->narg++] = argv[i];
			options &= !c->words;
		} else if (strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (!cli_read_option(cli, argc, argv, &i)) {
			return false;
		}
	}
	if (cli->narg > c->max_args) {
		cli_unexpected(cli, cli->arg[c->max_args]);
		return false;
	}
	cli->file_given = cli->file != NULL;
	if (!cli->file)
		cli->file = "cluster.yaml";
	cli->color = cli_wants_color(STDOUT_FILENO, cli);
	cli->color_err = cli_wants_color(STDERR_FILENO, cli);
	return true;
}

void
cli_release(struct cli *cli)
{
	free(cli->arg);
	free(cli->target);
	free(cli->replace);
	free(cli->forget);
	*cli = (struct cli){0};
}

void
command_usage(const struct command *c, FILE *f)
{
	fprintf(f, "usage: dray %s%s%s%s\n\n%s\n", c->name, c->options[0] ? " [options]" : "",
		*c->args ? " " : "", c->args, c->doc);
	if (c->options[0])
		fputs("\noptions:\n", f);
	for (size_t i = 0; c->options[i]; i++) {
		const struct option_spec *o = c->options[i];
		char left[40];

		snprintf(left, sizeof left, "-%s%s%s", o->name, o->arg ? " " : "",
			 o->arg ? o->arg : "");
		fprintf(f, "  %-20s  %s\n", left, o->doc);
	}
}
