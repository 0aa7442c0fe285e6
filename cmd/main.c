/* dray: one YAML file -> a model that answers on a group of GPU hosts. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cli.h"
#include "executors/io/child.h"
#include "planner/base/alike.h"
#include "planner/base/diag.h"

const char dray_version[] = VERSION;

static int
main_unknown_command(const char *name)
{
	const char *names[32], *near = NULL;
	size_t n = 0;

	for (; commands[n] && n < 32; n++) {
		names[n] = commands[n]->name;
		if (alike_among(name, commands[n]->aka))
			near = names[n];
	}
	near = near ? near : diag_nearest(name, names, n);
	fprintf(stderr, "dray: unknown command '%s'", name);
	if (*name == '-')
		fputs(": the command comes first, 'dray COMMAND [options]'", stderr);
	else if (near)
		fprintf(stderr, " (did you mean '%s'?)", near);
	fputs("\nsee 'dray help'\n", stderr);
	return EXIT_USAGE;
}

static bool
main_is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* Set up descriptors and signals, whatever the parent process left. */
static void
main_settle(void)
{
	int fd;

	/* If stdout were closed, a connection would get its number and we would print into it. */
	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
	signal(SIGPIPE, SIG_IGN);
	/* If it were ignored, the exit status of children would be lost. */
	signal(SIGCHLD, SIG_DFL);
	child_interrupts(EXIT_INTERRUPTED);
	child_raise_limit();
}

int
main(int argc, char **argv)
{
	const struct command *c;
	struct cli cli;
	int code;

	main_settle();
	if (argc < 2 || main_is_one_of(argv[1], "-h", "-help", "--help"))
		c = command_find("help");
	else if (main_is_one_of(argv[1], "-V", "-version", "--version"))
		c = command_find("version");
	else
		c = command_find(argv[1]);
	if (!c)
		return main_unknown_command(argv[1]);
	if (cli_parse(&cli, c, argc > 2 ? argc - 2 : 0, argv + 2)) {
		code = c->run(&cli);
	} else if (cli.help) {
		command_usage(c, stdout);
		code = EXIT_DONE;
	} else {
		code = EXIT_USAGE;
	}
	cli_release(&cli);
	return cli_end(code);
}
