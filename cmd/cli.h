#ifndef CMD_CLI_H
#define CMD_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "planner/base/err.h"

struct run_view;

/* Exit codes; `dray help` and the manual page print this list. */
enum exit_code {
	EXIT_DONE = 0,          /* nothing to do, or all done */
	EXIT_ERROR = 1,         /* failed, and nothing was changed */
	EXIT_CHANGES = 2,       /* plan -detailed-exitcode: there are changes */
	EXIT_PARTIAL = 3,       /* apply failed after some changes */
	EXIT_LOCKED = 4,        /* another apply holds the lock */
	EXIT_STALE = 5,         /* the saved plan no longer matches */
	EXIT_USAGE = 64,        /* the command line is wrong */
	EXIT_INTERRUPTED = 130, /* interrupted; what ran was ended in order */
};

/* All options of all commands; each command lists those that it knows. */
struct cli {
	const struct command *command;  /* which one it is */
	const char *file;               /* -f */
	bool file_given;
	const char *since, *grep;       /* of logs */
	bool previous, follow;
	long long tail;                 /* 0: not given */
	const char *out, *save, *facts, *record, *format, *config, *index, *weights;
	bool secrets, detailed_exitcode, json, auto_approve, no_color, verbose, purge, dot, force, local, no_probe, verify;
	long long parallelism;          /* 0: as the spec says */
	long long lock_timeout;         /* seconds */
	const char *system, *from;      /* -system, -from */
	long long max_tokens, port;     /* 0: not given */
	const char *concurrency, *svg;  /* of bench */
	long long prompts, input, output;       /* 0: not given */
	const char **target, **replace, **forget;       /* NULL-terminated, or NULL */
	char **arg;                     /* what is left */
	int narg;
	bool color;                     /* stdout is a terminal that wants colors */
	bool color_err;
	bool watch, install, uninstall;
	bool help;                      /* -h or -help was read: show the help page instead */
	long long every, budget;        /* seconds, 0: not given; repairs in an hour, < 0: not given */
	const struct run_view *view;    /* is told of a run instead of the user; or NULL */
};

enum option_type { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_SECONDS, OPTION_LIST };

/* One entry drives parsing, `dray help COMMAND`, and the manual page. */
struct option_spec {
	const char *name;       /* without dashes; one dash or two are the same */
	enum option_type type;
	size_t offset;          /* into struct cli */
	const char *arg;        /* the name of the value, or NULL */
	const char *doc;
	const char *aka;        /* what other tools call it, with a space between; or NULL */
};

struct command {
	const char *name;
	const char *aka;        /* what other tools call it, with a space between; or NULL */
	const char *args;       /* "[PLANFILE]", or "" */
	int max_args;
	bool words;             /* what follows the first argument is not read as options */
	const char *summary;    /* one line */
	const char *doc;        /* the paragraph of `dray help NAME` */
	const struct option_spec *const *options;       /* ends with NULL */
	/* Is the API that runs asked for a token, and how busy it is? */
	enum { ASKS_NOTHING, ASKS_TOKEN, ASKS_LOAD } asks;
	bool hooks;             /* the hooks of the spec are called */
	bool watches;           /* before_plan is called before a repair, not before a look */
	bool quiet;             /* without -secrets no secret is read and no server asked */
	int (*run)(struct cli *);
};

extern const struct command *const commands[];          /* ends with NULL */
const struct command *command_find(const char *name);

extern const struct option_spec option_file, option_out, option_detailed_exitcode,
	option_json, option_target, option_replace, option_forget, option_auto_approve,
	option_parallelism, option_no_color, option_verbose, option_purge, option_facts,
	option_record, option_dot, option_format, option_force,
	option_config, option_index, option_weights, option_local, option_save, option_secrets,
	option_no_probe, option_verify, option_lock_timeout, option_since, option_grep, option_tail,
	option_previous, option_follow, option_spec_file, option_system, option_max_tokens, option_port, option_from,
	option_concurrency, option_prompts, option_input, option_output, option_svg,
	option_watch, option_every, option_budget, option_install, option_uninstall;
/* The reason why this command reads no secret and asks no server, or NULL if it does. */
const char *cli_quiet(const struct cli *);

/* Parse argv, which starts after the command's name. False: the error is on stderr, or cli->help is
 * set. What is behind "--", or behind the first argument of a command with `words`, is not an option. */
bool cli_parse(struct cli *, const struct command *, int argc, char **argv);
void cli_release(struct cli *);
/* Remember a result to report if the output cannot be written: "the plan is saved in 'p'". */
void cli_stands(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Remember that something was changed. */
void cli_changed(void);
/* For the end of an error: "nothing was changed", or "nothing more was changed". */
const char *cli_unchanged(void);
/* Flush the output; a failure is reported at the end. */
void cli_flush(void);
/* Flush the output, report a failure to write it, and return the final exit code. */
int cli_end(int code);
/* "dray: error: ..." on stderr; returns EXIT_ERROR. */
int cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* For a wrong command line: "dray NAME: ..." and where its help is, on stderr; returns EXIT_USAGE. */
int cli_misused(const struct cli *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Does a file of that name look like a spec? */
bool cli_is_spec(const char *file);
/* Print the hint of an error, if it has one. */
void cli_hint(const struct err *);
/* Print the help page of one command. */
void command_usage(const struct command *, FILE *);

/* manual.c: dray(1) as scdoc source and as Markdown, from the tables of the commands. */
void manual_scdoc(FILE *);
void manual_markdown(FILE *);
/* The exit codes as help and manual print them; ends with a NULL text. */
struct exit_doc { int code; const char *text; };
extern const struct exit_doc exit_docs[];

/* The release, from the Makefile. */
extern const char dray_version[];

#endif
