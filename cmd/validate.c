/* Reads and checks the spec; talks to no node. */
#include "cmd/load.h"

/* What is left to be chosen has no number yet. */
static const char *
size(struct arena *a, bool known, long long n)
{
	return known ? arena_printf(a, "%lld", n) : "auto";
}

static int
run(struct cli *cli)
{
	struct compiled c;
	int code = compile_file(&c, cli);

	if (code == EXIT_DONE)
		printf("%s: valid: cluster '%s', %zu node%s, tensor parallel %s x pipeline "
		       "parallel %s%s\n", c.src.name, c.model->cluster, c.model->nspec,
		       c.model->nspec == 1 ? "" : "s",
		       size(&c.arena, c.spec->parallelism.tensor.set, c.model->tensor),
		       size(&c.arena, !c.spec->parallelism.is_auto &&
			    !c.spec->parallelism.pipeline.is_auto, c.model->pipeline),
		       c.model->data > 1 ? arena_printf(&c.arena, " x data parallel %lld",
							c.model->data) : "");
	compiled_release(&c);
	return code;
}

const struct command command_validate = {
	.name = "validate",
	.args = "",
	.summary = "check the spec; talk to no node",
	.doc = "Reads the spec and the Lua files that it names, and reports every mistake in them\n"
	       "with its place. Talks to no node, and to the network only where an inventory\n"
	       "does. Exits 0 when the spec can be planned, else 1.",
	.options = (const struct option_spec *const[]){&option_file, &option_no_color, NULL},
	.run = run,
};
