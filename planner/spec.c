/* bytes -> tree -> spec -> checks: the compile line up to the model. */
#include "planner/spec.h"

#include <string.h>

#include "planner/base/vec.h"
#include "planner/read.h"

/* The same bytes are under every later path that this script had (facts of vLLM). */
static const char script_url[] = "https://raw.githubusercontent.com/vllm-project/vllm/v0.17.1/"
				 "examples/online_serving/run_cluster.sh";
static const char script_sha256[] =
	"f37a33e80e231c9c52fa7ca3b93fb75f63f7b15fcd5ec860fcc4537cc5a0aaeb";

static const char *
without_slashes(struct arena *a, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	while (n > 1 && text[n - 1] == '/')
		n--;
	return text ? arena_strndup(a, text, n) : NULL;
}

/* Defaults that depend on other fields, and one spelling for each path. */
static void
finish(struct arena *a, struct spec *s)
{
	struct spec_script *script = &s->engine.script;

	read_inherit(s);
	if (!script->url.at.line && !script->sha256.at.line) {
		script->url.text = script_url;
		script->sha256.text = script_sha256;
	}
	s->shared_dir.text = without_slashes(a, s->shared_dir.text);
	s->model.endpoint.text = without_slashes(a, s->model.endpoint.text);
	s->model.path.text = without_slashes(a, s->model.path.text);
}

struct spec *
spec_read(struct arena *a, const struct source *src, spec_env *env, struct diags *d)
{
	struct reading r = {.arena = a, .d = d, .vars = {.arena = a, .d = d, .env = env}};
	struct spec *s = ar_new(a, struct spec);
	size_t before = d->nerror;
	struct tree *top = tree_read(a, src, d);
	const struct tree *vars;

	if (!top || top->type == TREE_BAD)
		return NULL;
	if (top->type != TREE_MAP) {
		diag_error(d, top->at, "the file must be a map: lines of 'key: value'");
		return NULL;
	}
	s->src = src;
	read_defaults(&spec_fields, s);
	vars = read_find(top, "vars");
	if (vars && vars->type != TREE_MAP && vars->type != TREE_BAD && !tree_is_empty(vars))
		diag_error(d, vars->at, "'vars' must be a map: {NAME: TEXT}");
	else if (vars && vars->type == TREE_MAP)
		vars_read(&r.vars, vars);
	read_group(&r, &spec_fields, top, s);
	reading_release(&r);
	finish(a, s);
	checks_run(s, d);
	return d->nerror == before ? s : NULL;
}

const char **
spec_arg(struct arena *a, const char *key, const char *value, size_t *n)
{
	struct { const char **v; size_t n, cap; } out = {0};

	if (strcmp(value, "false") == 0) {
		*vec_push(a, &out) = arena_printf(a, "--no-%s", key);
	} else {
		*vec_push(a, &out) = arena_printf(a, "--%s", key);
		for (const char *s = strcmp(value, "true") == 0 ? NULL : value, *end; s; s = end) {
			end = strchr(s, '\n');
			*vec_push(a, &out) = end ? arena_strndup(a, s, (size_t)(end - s))
						 : arena_strdup(a, s);
			end = end ? end + 1 : NULL;
		}
	}
	*n = out.n;
	return out.v;
}
