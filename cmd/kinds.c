/* Documents the step kinds, ours and those of the spec alike. */
#include <string.h>
#include <unistd.h>

#include "cmd/load.h"
#include "planner/base/str.h"
#include "planner/kind.h"

static const char *
effect_word(const struct kind *k, enum effect effect)
{
	switch (effect) {
	case EFFECT_NONE:
		return "none";
	case EFFECT_RECORD:
		return "record";
	case EFFECT_UPDATE:
		return k->verb ? k->verb : "update";
	case EFFECT_RESTART:
		return "restart";
	case EFFECT_REPLACE:
		break;
	}
	return k->restarts ? "restart" : "replace";
}

static void
list(const struct user_kinds *user)
{
	for (size_t i = 0; kinds[i]; i++)
		printf("%-12s  %s\n", kinds[i]->name, kinds[i]->doc);
	for (size_t i = 0; user && i < user->n; i++)
		printf("%-12s  %s (%s)\n", user->v[i]->kind.name, user->v[i]->kind.doc,
		       user->v[i]->file);
}

/* "text", "integer, required", "secret, default ..." */
static void
describe(struct arena *a, struct str *to, const struct user_field *f)
{
	str_puts(to, f->secret ? "secret" : user_type_word(f->type));
	if (f->required)
		str_puts(to, ", required");
	if (f->fallback)
		str_printf(to, ", default %s", f->fallback->type == VALUE_TEXT && *f->fallback->text
			   ? f->fallback->text : value_write(a, f->fallback));
}

static void
show(struct arena *a, const struct kind *k)
{
	const struct user_kind *user = user_kind_of(k);

	printf("%s%s%s\n", k->name, *k->doc ? ": " : "", k->doc);
	if (user)
		printf("from %s; each call may take %d s%s\n", user->file, user->timeout_s,
		       user->has_down ? "" : "; it has no down(): what it made stays");
	puts("\na change of        does       meaning");
	for (const struct field_effect *f = k->fields; f && f->name; f++) {
		const struct user_field *own = user ? user_field_find(user, f->name) : NULL;
		struct str type = {0};

		if (user && !own)       /* MAP. stands beside MAP */
			continue;
		if (own)
			describe(a, &type, own);
		printf("  %-16s %-10s %s%s%s%s\n", f->name, effect_word(k, f->effect),
		       f->doc ? f->doc : "", !own ? "" : f->doc && *f->doc ? " (" : "(",
		       str_text(&type), own ? ")" : "");
		str_release(&type);
	}
	if (k->keep)
		puts("\n'dray destroy' leaves it; with -purge it goes too.");
	if (k->group)
		puts("\nIts steps are one unit: work on one is work on all.");
}

static const struct kind *
find(const struct user_kinds *user, const char *name)
{
	for (size_t i = 0; user && i < user->n; i++)
		if (strcmp(user->v[i]->kind.name, name) == 0 || strcmp(user->v[i]->file, name) == 0)
			return &user->v[i]->kind;
	return kind_find(name);
}

static int
unknown(struct arena *a, const struct user_kinds *user, const char *name)
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
run(struct cli *cli)
{
	struct compiled c = {0};
	const struct user_kinds *user = NULL;
	const struct kind *k;
	int code = EXIT_DONE;
	bool one = cli->narg > 0;

	if (one && (strcmp(cli->arg[0], "show") != 0 || cli->narg != 2)) {
		cli_error("'dray kinds' lists them, 'dray kinds show NAME' tells about one");
		return EXIT_USAGE;
	}
	/* Without -f the file is looked into when it is there. */
	if (cli->file_given || access(cli->file, R_OK) == 0)
		code = compile_file(&c, cli);
	if (code == EXIT_DONE && c.spec)
		user = c.spec->user_kinds;
	if (code == EXIT_DONE && !one)
		list(user);
	if (code == EXIT_DONE && one) {
		k = find(user, cli->arg[1]);
		if (k)
			show(&c.arena, k);
		else
			code = unknown(&c.arena, user, cli->arg[1]);
	}
	compiled_release(&c);
	return code;
}

const struct command command_kinds = {
	.name = "kinds",
	.args = "[show NAME]",
	.max_args = 2,
	.summary = "the step kinds: ours, and the Lua ones of the spec",
	.doc = "Lists the kinds of steps, those of Lua files under kinds: of the spec among them.\n"
	       "'dray kinds show NAME' tells what the steps of a kind are made of, and what a change\n"
	       "of each part does to them: none, record (only the record is written anew), update,\n"
	       "restart or replace.",
	.options = (const struct option_spec *const[]){&option_file, &option_no_color, NULL},
	.run = run,
};
