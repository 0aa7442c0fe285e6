/* Reads and checks the spec; talks to no node. */
#include "cmd/load.h"

/* A size that dray will choose has no number yet. */
static const char *
validate_size(struct arena *a, bool known, long long n)
{
	return known ? arena_printf(a, "%lld", n) : "auto";
}

static int
validate_run(struct cli *cli)
{
	struct compiled c;
	int code = compile_file(&c, cli);

	if (code == EXIT_DONE)
		printf("%s: valid: cluster '%s', %zu node%s, tensor parallel %s x pipeline "
		       "parallel %s%s\n",
		       c.src.name, c.cluster->name, c.cluster->nspec,
		       c.cluster->nspec == 1 ? "" : "s",
		       validate_size(&c.arena, c.spec->parallelism.tensor.set, c.cluster->tensor),
		       validate_size(&c.arena,
				     !c.spec->parallelism.is_auto &&
					     !c.spec->parallelism.pipeline.is_auto,
				     c.cluster->pipeline),
		       c.cluster->data > 1
			       ? arena_printf(&c.arena, " x data parallel %lld", c.cluster->data)
			       : "");
	compiled_release(&c);
	return code;
}

const struct command command_validate = {
	.name = "validate",
	.aka = "lint verify",
	.args = "",
	.summary = "check the spec without contacting a node",
	.doc = "Reads the spec and the Lua files that it names, and reports every error in\n"
	       "them with its place. It runs no command, reads no secret and contacts nobody,\n"
	       "unless -secrets lets an inventory do that. Exits 0 if the spec can be planned,\n"
	       "else 1.",
	.options = (const struct option_spec *const[]){&option_file, &option_secrets, &option_no_color, NULL},
	.quiet = true,
	.run = validate_run,
};
