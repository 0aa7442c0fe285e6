/* Runs nodes() of a Lua file and turns what it returns into a tree. */
#include "executors/script/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "executors/io/patience.h"
#include "executors/script/module.h"
#include "planner/base/path.h"
#include "planner/base/vec.h"

/* ---- from values to a tree with places ---- */

struct placing {
	struct arena *arena;
	const struct module *module;
	unsigned line;                  /* of the function */
};

/* Set the byte range of the word in the source, if the line of t->at or a later one has it. */
static void
inventory_set_bytes(struct tree *t, const struct module *m, const char *word)
{
	const char *s = m->src.text, *end = s + m->src.len;

	for (unsigned line = 1; line < t->at.line && s < end; line++)
		s = memchr(s, '\n', (size_t)(end - s)) ? (const char *)memchr(s, '\n', (size_t)(end - s)) + 1 : end;
	s = memmem(s, (size_t)(end - s), word, strlen(word));
	if (!s || !*word)
		return;
	t->from = (size_t)(s - m->src.text);
	t->to = t->from + strlen(word);
}

static struct tree *
inventory_text_tree(const struct placing *p, const char *text, bool plain)
{
	struct tree *t = ar_new(p->arena, struct tree);

	*t = (struct tree){.type = TREE_TEXT, .src = &p->module->src, .plain = plain, .text = text,
		.at = vm_find(p->module->vm, text, p->line)};
	inventory_set_bytes(t, p->module, text);
	return t;
}

static const char *
inventory_scalar_text(struct arena *a, const struct value *v)
{
	return v->type == VALUE_TEXT ? arena_strdup(a, v->text) : value_write(a, v);
}

static void
inventory_add(const struct placing *p, struct tree *to, struct tree *key, struct tree *item)
{
	size_t cap = to->cap ? to->cap * 2 : 8;

	if (to->n == to->cap) {
		to->key = arena_grow(p->arena, to->key, to->n * sizeof *to->key, cap * sizeof *to->key);
		to->item = arena_grow(p->arena, to->item, to->n * sizeof *to->item,
				      cap * sizeof *to->item);
		to->cap = cap;
	}
	to->key[to->n] = key;
	to->item[to->n++] = item;
}

/* `at` is the place of the enclosing value, for values without their own place. */
static struct tree *
inventory_tree_of(const struct placing *p, const struct value *v, struct loc at)
{
	struct tree *t;

	if (v->type != VALUE_LIST && v->type != VALUE_MAP)
		return inventory_text_tree(p, inventory_scalar_text(p->arena, v),
					   v->type != VALUE_TEXT);
	t = ar_new(p->arena, struct tree);
	*t = (struct tree){.type = v->type == VALUE_LIST ? TREE_LIST : TREE_MAP,
		.src = &p->module->src, .at = at};
	for (size_t i = 0; i < v->n; i++) {
		struct tree *key =
			v->type == VALUE_MAP ? inventory_text_tree(p, v->key[i], true) : NULL;

		if (v->item[i]->type != VALUE_NIL)
			inventory_add(p, t, key,
				      inventory_tree_of(p, v->item[i], key ? key->at : at));
	}
	return t;
}

/* ---- the run ---- */

struct inventory {
	const struct inventory_view *view;
	bool finished;
};

static void
inventory_on_say(void *arg, enum vm_level level, const char *line)
{
	const struct inventory *i = arg;

	(void)level;
	if (i->view && i->view->say)
		i->view->say(i->view->arg, line);
}

static void
inventory_on_end(struct module_call *c)
{
	struct inventory *i = c->owner;

	i->finished = true;
}

static void
inventory_complain(struct module_call *c, struct loc at, struct diags *d)
{
	if (!c->error.at.line)
		c->error.at = at;
	vm_error_diag(&c->error, d);
}

/* nodes() must return a list; anything else is an error in the file. */
static struct tree *
inventory_take(const struct placing *p, struct module_call *c, struct diags *d)
{
	struct loc at = vm_find(p->module->vm, "nodes", 1);
	struct value *v = c->ok ? module_result(c, 0) : NULL;

	if (!v) {
		inventory_complain(c, at, d);
		return NULL;
	}
	if (v->type == VALUE_LIST)
		return inventory_tree_of(p, v, at);
	diag_error(d, at, v->type == VALUE_MAP && v->n == 0 ? "nodes() returned an empty list: there must "
		   "be at least one node" : "nodes() must return a list of tables: {{host = "
					    "\"gpu-1\"}, ...}");
	return NULL;
}

static struct tree *
inventory_run_all(struct module *m, struct arena *a, const char *folder, const struct spec *s,
		  const struct inventory_view *view, struct diags *d)
{
	struct inventory inventory = {.view = view};
	struct secrets secrets = {0};
	struct err e = {0};
	struct value *ctx = value_map(a);
	struct module_world world = {.loop = loop_new(&e), .secrets = &secrets, .folder = folder,
		.say = inventory_on_say, .arg = &inventory, .quiet = view ? view->quiet : NULL};
	struct module_job job = {.function = "nodes", .ctx = ctx, .timeout_s = (int)patience.inventory};
	struct placing p = {a, m, vm_has(m->vm, "nodes")};
	struct module_call *c;
	struct tree *t;

	if (!world.loop) {
		diag_error(d, s->inventory.at, "%s", e.text);
		return NULL;
	}
	value_set(a, ctx, "config", s->inventory_config ? spec_value(a, s->inventory_config)
							: value_map(a));
	if (!module_start(&c, &world, a, m, &job, inventory_on_end, &inventory))
		loop_run(world.loop, &inventory.finished);
	t = inventory_take(&p, c, d);
	module_end(c);
	loop_free(world.loop);
	secrets_release(&secrets);
	return t;
}

struct tree *
inventory_run(void *view, struct arena *a, const struct spec *s, struct diags *d)
{
	const char *folder = path_folder(a, s->src->name);
	struct module *m = module_load(a, folder, s->inventory.text, s->inventory.at, d);
	struct tree *t = NULL;

	if (!m)
		return NULL;
	if (vm_has(m->vm, "nodes"))
		t = inventory_run_all(m, a, folder, s, view, d);
	else
		diag_error(d, s->inventory.at, "'%s' has no function 'nodes'", s->inventory.text);
	module_unload(m);
	return t;
}
