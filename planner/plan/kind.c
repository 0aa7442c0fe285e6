/* Helpers for kinds. */
#include "planner/plan/kind.h"

#include <string.h>

#include "planner/base/vec.h"

const struct field_effect *
kind_field(const struct kind *kind, const char *attr)
{
	const struct field_effect *prefix = NULL;
	size_t longest = 0;

	for (const struct field_effect *f = kind->fields; f && f->name; f++) {
		size_t n = strlen(f->name);

		if (strcmp(f->name, attr) == 0)
			return f;
		if (n > longest && f->name[n - 1] == '.' && strncmp(f->name, attr, n) == 0) {
			prefix = f;
			longest = n;
		}
	}
	return prefix;
}

enum effect
kind_effect(const struct kind *kind, const char *attr)
{
	const struct field_effect *field = kind_field(kind, attr);

	return field ? field->effect : EFFECT_REPLACE;
}

const char *
kind_effect_word(const struct kind *kind, enum effect effect)
{
	static const char *const words[] = {
		[EFFECT_NONE] = "none", [EFFECT_RECORD] = "record", [EFFECT_UPDATE] = "update",
		[EFFECT_REPLACE] = "replace",
	};

	return effect == EFFECT_REPLACE && kind->restarts ? "restart" : words[effect];
}

struct task *
tasks_add(struct arena *a, struct tasks *list, struct node *node, const char *script,
	  const char *what)
{
	struct step_task *st = vec_push(a, list);

	*st = (struct step_task){.node = node, .what = arena_strdup(a, what),
		.task = {.type = TASK_SCRIPT, .script = script ? script_get(script) : NULL}};
	return &st->task;
}

const struct record *
step_record(const struct step *step)
{
	const struct facts *facts = step->node ? step->node->facts : NULL;

	for (size_t i = 0; facts && i < facts->record.n; i++)
		if (strcmp(facts->record.v[i].step, step->addr) == 0)
			return &facts->record.v[i];
	return NULL;
}

bool
step_on_record(const struct step *step)
{
	const struct record *r = step_record(step);

	return r && r->instance && step->observed.instance &&
	       strcmp(r->instance, step->observed.instance) == 0;
}
