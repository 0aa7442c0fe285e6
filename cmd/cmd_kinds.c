/* Documents the step kinds, dray's own and those of the spec. */
#include <string.h>
#include <unistd.h>

#include "cmd/load.h"
#include "planner/base/str.h"
#include "planner/custom/custom.h"
#include "planner/steps/kinds.h"

/* "text", "integer, required", "secret, default ..." */
static void
kinds_describe(struct arena *a, struct str *to, const struct custom_field *f)
{
	str_puts(to, f->secret ? "secret" : custom_type_word(f->type));
	if (f->required)
		str_puts(to, ", required");
	if (f->fallback)
		str_printf(to, ", default %s", f->fallback->type == VALUE_TEXT && *f->fallback->text
			   ? f->fallback->text : value_write(a, f->fallback));
}

static void
kinds_show(struct arena *a, const struct kind *k)
{
	const struct custom_kind *user = k->custom;

	printf("%s%s%s\n", k->name, *k->doc ? ": " : "", k->doc);
	if (user)
		printf("from %s; each call may take %d s%s\n", user->file, user->timeout_s,
		       user->has_down ? "" : "; it has no down(), so what it made stays");
	puts("\na change of        does       meaning");
	for (const struct field_effect *f = k->fields; f && f->name; f++) {
		const struct custom_field *own = user ? custom_field_find(user, f->name) : NULL;
		const char *word = f->effect == EFFECT_UPDATE && k->verb ? k->verb
				   : kind_effect_word(k, f->effect);
		struct str type = {0};

		if (user && !own)       /* skip "MAP.", which is beside MAP */
			continue;
		if (own)
			kinds_describe(a, &type, own);
		printf("  %-16s %-10s %s%s%s%s\n", f->name, word, f->doc ? f->doc : "",
		       !own ? "" : f->doc && *f->doc ? " (" : "(", str_text(&type), own ? ")" : "");
		str_release(&type);
	}
	if (k->keep)
		puts("\n'dray destroy' keeps it; with -purge it is removed, too.");
	if (k->group)
		puts("\nIts steps are one group: work on one of them is work on all.");
}

static const struct kind *
kinds_find(const struct custom_kinds *user, const char *name)
{
	for (size_t i = 0; user && i < user->n; i++)
		if (strcmp(user->v[i]->kind.name, name) == 0 || strcmp(user->v[i]->file, name) == 0)
			return &user->v[i]->kind;
	return kind_find(name);
}

static int
kinds_unknown(struct arena *a, const struct custom_kinds *user, const char *name)
{
	const char *names[256];
	size_t n = 0;

	for (size_t i = 0; kinds[i] && n < 256; i++)
		names[n++] = kinds[i]->name;
	for (size_t i = 0; user && i < user->n && n < 256; i++)
		names[n++] = user->v[i]->kind.name;
	return cli_error("there is no step kind '%s'%s", name, diag_hint(a, name, names, n));
}

static int
kinds_run(struct cli *cli)
{
	struct compiled c = {0};
	const struct custom_kinds *user = NULL;
	const struct kind *k;
	int code = EXIT_DONE;
	bool one = cli->narg > 0;

	if (one && (strcmp(cli->arg[0], "show") != 0 || cli->narg != 2))
		return cli_misused(cli, "use 'dray kinds' to list them, or 'dray kinds show NAME' to show one");
	/* Without -f the default spec is read if it exists. */
	if (cli->file_given || access(cli->file, R_OK) == 0)
		code = compile_file(&c, cli);
	if (code == EXIT_DONE && c.spec)
		user = c.spec->custom_kinds;
	if (code == EXIT_DONE && !one) {
		for (size_t i = 0; kinds[i]; i++)
			printf("%-12s  %s\n", kinds[i]->name, kinds[i]->doc);
		for (size_t i = 0; user && i < user->n; i++)
			printf("%-12s  %s (%s)\n", user->v[i]->kind.name, user->v[i]->kind.doc,
			       user->v[i]->file);
	}
	if (code == EXIT_DONE && one) {
		k = kinds_find(user, cli->arg[1]);
		if (k)
			kinds_show(&c.arena, k);
		else
			code = kinds_unknown(&c.arena, user, cli->arg[1]);
	}
	compiled_release(&c);
	return code;
}

const struct command command_kinds = {
	.name = "kinds",
	.args = "[show NAME]",
	.max_args = 2,
	.summary = "list the step kinds: dray's own and those of the spec",
	.doc = "Lists the kinds of steps, including those of Lua files under kinds: of the\n"
	       "spec. 'dray kinds show NAME' shows the fields of a kind, and what a change of\n"
	       "each field does: none, record (only the record is written again), update,\n"
	       "restart or replace.",
	.options = (const struct option_spec *const[]){&option_file, &option_secrets, &option_no_color, NULL},
	.quiet = true,
	.run = kinds_run,
};
