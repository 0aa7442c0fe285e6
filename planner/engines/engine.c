/* The table of engines, and functions that all engines share. */
#include "planner/engines/engine.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/json.h"

#define ENGINE(name, ...) extern const struct engine engine_##name;
#include "planner/engines/engines.def"
#undef ENGINE

const struct engine *const engines[] = {
#define ENGINE(name, ...) &engine_##name,
#include "planner/engines/engines.def"
#undef ENGINE
	NULL,
};

const char *const engine_backends[] = {
	"auto",
#define ENGINE(name, ...) __VA_ARGS__,
#include "planner/engines/engines.def"
#undef ENGINE
	NULL,
};

const struct engine *
engine_find(const char *name)
{
	for (size_t i = 0; engines[i]; i++)
		if (!name || strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
}

bool
engine_shape_is(const struct engine *e, enum shape shape, const char *word)
{
	return word && e->shape[shape].word && strcmp(e->shape[shape].word, word) == 0;
}

const char *
engine_own_env(const struct engine *e, const char *name)
{
	for (const struct engine_own *own = e->own_env; own->name; own++)
		if (strcmp(own->name, name) == 0)
			return own->from;
	return NULL;
}

const char *
engine_own_arg(const struct engine *e, const char *arg, const char **name)
{
	const struct engine_own *own;
	size_t n;

	if (strncmp(arg, "no-", 3) == 0)
		arg += 3;
	n = strlen(arg);
	for (own = e->own_args; own->name && strcmp(arg, own->name) != 0; own++)
		;
	/* No option of the engine is the beginning of one of dray's, so this is short for that
	 * one, or for several, which the engine refuses. */
	if (!own->name && e->args_shortened && n)
		for (own = e->own_args; own->name && strncmp(arg, own->name, n) != 0; own++)
			;
	*name = own->name;
	return own->from;
}

const struct engine_file_arg *
engine_file_arg(const struct engine *e, const char *name)
{
	const struct engine_file_arg *known = e->carried_args;

	while (name && known && known->arg && strcmp(known->arg, name) != 0)
		known++;
	return name && known && known->arg ? known : NULL;
}

const struct script *
engine_script(struct arena *a, const struct engine *e, const struct script *then)
{
	return script_behind(a, e->node_script, then);
}

const char *
engine_text(const char *script)
{
	return script ? script_get(script)->text : "exit 1";
}

const char *
engine_scheme(const struct engine *e, struct attrs inputs)
{
	for (const char *const *arg = e->tls_args; arg && *arg; arg++) {
		char name[64];

		snprintf(name, sizeof name, "args.%s", *arg);
		if (attrs_get(&inputs, name))
			return "https";
	}
	return "http";
}

const struct engine_ask *
engine_ask_find(const struct engine *e, const char *kind)
{
	for (const struct engine_ask *ask = e->asks; kind && ask->kind; ask++)
		if (strcmp(ask->kind, kind) == 0)
			return ask;
	return NULL;
}

bool
engine_ask_unfit(long status, const char *says)
{
	if (status == 405 || status == 501 || (status == 404 && strcmp(says, "Not Found") == 0))
		return true;
	if (status == 400 && strstr(says, "chat template"))
		return true;
	return (status == 400 || status == 404) && strstr(says, "does not support");
}

static const char *
engine_text_of(struct arena *a, json_t *root)
{
	char *text = json_dumps(root, JSON_COMPACT);
	const char *body = arena_strdup(a, text);

	free(text);
	json_decref(root);
	return body;
}

const char *
engine_chat(struct arena *a, const char *model, const char *prompt, long long max_tokens)
{
	return engine_text_of(a, json_pack("{s:o, s:[{s:s, s:o}], s:I}", "model", json_shown(model),
					   "messages", "role", "user", "content", json_shown(prompt),
					   "max_tokens", (json_int_t)max_tokens));
}

const char *
engine_completion(struct arena *a, const char *model, const char *prompt, long long max_tokens)
{
	return engine_text_of(a, json_pack("{s:o, s:o, s:I}", "model", json_shown(model), "prompt",
					   json_shown(prompt), "max_tokens", (json_int_t)max_tokens));
}

const char *
engine_input(struct arena *a, const char *model, const char *prompt, long long max_tokens)
{
	(void)max_tokens;
	return engine_text_of(a, json_pack("{s:o, s:o}", "model", json_shown(model), "input",
					   json_shown(prompt)));
}

const char *
engine_rerank(struct arena *a, const char *model, const char *prompt, long long max_tokens)
{
	(void)max_tokens;
	return engine_text_of(a, json_pack("{s:o, s:o, s:[o]}", "model", json_shown(model), "query",
					   json_shown(prompt), "documents", json_shown(prompt)));
}
