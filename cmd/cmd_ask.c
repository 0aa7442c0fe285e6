/* Asks the model one question, through the connection to its node. */
#include <string.h>
#include <unistd.h>

#include "cmd/observation.h"
#include "planner/base/utf8.h"

enum { PROMPT_MAX = 1 << 20 };

/* Print untrusted text as it comes: line breaks stay, other control characters are escaped. */
static void
ask_print(const struct str *text, FILE *to)
{
	const char *s = str_text(text);
	struct str safe = {0};

	for (size_t n = strcspn(s, "\n");; s += n + 1, n = strcspn(s, "\n")) {
		str_safe(&safe, s, n);
		if (!s[n])
			break;
		str_putc(&safe, '\n');
	}
	fputs(str_text(&safe), to);
	fflush(to);
	str_release(&safe);
}

static void
ask_on_piece(const struct asked *asked)
{
	if (asked->chat.thought.len)
		ask_print(&asked->chat.thought, stderr);
	if (asked->chat.text.len)
		ask_print(&asked->chat.text, stdout);
}

/* The figures go to stderr, so that stdout has the answer alone. */
static void
ask_print_figures(const struct asked *asked)
{
	const struct chat *chat = &asked->chat;
	long long tokens = chat->tokens ? chat->tokens : chat->pieces;
	double seconds = (double)(asked->last_ms - asked->first_ms) / 1000;

	putchar('\n');
	fflush(stdout);
	fprintf(stderr, "\nfirst token after %.2f s; %lld token%s in %.2f s", (double)asked->first_ms / 1000,
		tokens, tokens == 1 ? "" : "s", (double)asked->last_ms / 1000);
	/* The first token came before the time that is measured. */
	if (tokens > 1 && seconds > 0)
		fprintf(stderr, ", %.1f tokens/s", (double)(tokens - 1) / seconds);
	fputs(chat->cut ? "; cut at the limit of tokens\n" : "\n", stderr);
}

static int
ask_run(struct cli *cli)
{
	struct asked asked = {.system = cli->system, .prompt = cli->narg ? cli->arg[0] : NULL,
		.max_tokens = cli->max_tokens, .said = ask_on_piece};
	struct str text = {0};
	struct observation l = {0};
	struct err err = {0};
	int code = EXIT_ERROR;

	if (!asked.prompt || !*asked.prompt)
		return cli_misused(cli, "PROMPT is missing: dray ask \"Say hello.\"");
	if (strcmp(asked.prompt, "-") == 0) {
		if (!load_file("-", PROMPT_MAX, &text))
			goto out;
		asked.prompt = str_text(&text);
	}
	code = observation_open(&l, cli);
	if (code != EXIT_DONE)
		goto out;
	if (!api_may_be_asked(&l)) {
		code = api_is_down(&l);
	} else if (run_chat(l.run, &l.c.arena, l.graph, &asked, &err)) {
		ask_print_figures(&asked);
	} else {
		if (asked.chat.pieces)
			putchar('\n');
		fflush(stdout);
		code = cli_error("%s", err.text);
		cli_hint(&err);
	}
out:
	chat_release(&asked.chat);
	observation_close(&l);
	str_release(&text);
	return code;
}

const struct command command_ask = {
	.name = "ask",
	.aka = "chat prompt query",
	.args = "PROMPT",
	.max_args = 1,
	.summary = "ask the running model a question",
	.doc = "Sends PROMPT to the running API through the connection to its node, so it works\n"
	       "from anywhere, also with bind: 127.0.0.1. PROMPT '-' is stdin. The answer comes\n"
	       "on stdout as the model writes it. The model's reasoning, the time to the first\n"
	       "token and the tokens per second come on stderr. Changes nothing.",
	.options = (const struct option_spec *const[]){&option_file, &option_system, &option_max_tokens,
		&option_no_color, NULL},
	.run = ask_run,
};
