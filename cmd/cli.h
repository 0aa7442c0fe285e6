#ifndef CMD_CLI_H
#define CMD_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit codes; `dray help` and the manual page print this list. */
enum exit_code {
	EXIT_DONE = 0,          /* nothing to do, or all done */
	EXIT_ERROR = 1,         /* failed, and nothing was changed */
	EXIT_CHANGES = 2,       /* plan -detailed-exitcode: there are changes */
	EXIT_PARTIAL = 3,       /* apply failed after some changes */
	EXIT_LOCKED = 4,        /* somebody else holds the lock */
	EXIT_STALE = 5,         /* the saved plan no longer matches */
	EXIT_USAGE = 64,        /* the command line is wrong */
	EXIT_INTERRUPTED = 130, /* interrupted, in order */
};

/* Everything the command line can say; each command lists the options it knows. */
struct cli {
	const struct command *command;  /* which one it is */
	const char *file;               /* -f */
	bool file_given;
	const char *out, *save, *facts, *record, *format, *config, *index, *weights;
	bool detailed_exitcode, json, auto_approve, no_color, verbose, purge, dot, force, local;
	long long parallelism;          /* 0: as the spec says */
	const char **target, **replace; /* NULL-terminated, or NULL */
	const char **forget;
	size_t ntarget, nreplace, nforget;
	char **arg;                     /* what is left */
	int narg;
	bool color;                     /* stdout is a terminal that wants colors */
	bool color_err;
};

enum option_type { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_LIST };

/* One entry drives parsing, `dray help COMMAND`, and the manual page. */
struct option_spec {
	const char *name;       /* without dashes; one dash or two are the same */
	enum option_type type;
	size_t offset;          /* into struct cli */
	const char *arg;        /* how the value is called, or NULL */
	const char *doc;
};

struct command {
	const char *name;
	const char *args;       /* "[PLANFILE]", or "" */
	int max_args;
	const char *summary;    /* one line */
	const char *doc;        /* the paragraph of `dray help NAME` */
	const struct option_spec *const *options;       /* ends with NULL */
	bool hooks;             /* the hooks of the spec are asked */
	int (*run)(struct cli *);
};

extern const struct command *const commands[];          /* ends with NULL */
const struct command *command_find(const char *name);

extern const struct option_spec option_file, option_out, option_detailed_exitcode,
	option_json, option_target, option_replace, option_forget, option_auto_approve,
	option_parallelism, option_no_color, option_verbose, option_purge, option_facts,
	option_record, option_dot, option_format, option_force,
	option_config, option_index, option_weights, option_local, option_save;

/* argv (behind the command's name) -> cli. False: printed to stderr what is wrong. */
bool cli_parse(struct cli *, const struct command *, int argc, char **argv);
void cli_release(struct cli *);
/* "dray: error: ..." on stderr; returns EXIT_ERROR. */
int cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The help page of one command. */
void command_usage(const struct command *, FILE *);

#endif
