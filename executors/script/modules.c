/* Loads and checks the Lua files of a spec. */
#include "executors/script/modules.h"

#include <string.h>

#include "planner/base/limits.h"
#include "planner/base/path.h"
#include "planner/base/vec.h"

/* Keep the text of the file: it becomes part of a saved plan. */
static void
modules_remember(struct modules *all, struct spec *spec, const struct module *m)
{
	*vec_push(all->arena, &spec->files) = (struct spec_file){m->file, m->src.text, m->src.len};
}

/* Errors in reading it were reported before. */
static void
modules_remember_file(struct modules *all, struct spec *spec, const char *file)
{
	struct str text = {0};
	struct err e = {0};

	if (module_read(all->folder, file, MODULE_MAX, &text, &e))
		*vec_push(all->arena, &spec->files) = (struct spec_file){file,
			arena_strndup(all->arena, str_text(&text), text.len), text.len};
	str_release(&text);
}

/* The first `nfunctions` of the known names must be functions. A name that is close to a
 * known one is reported as a typo; `unknown` starts that message: "no event". */
static void
modules_check_names(struct arena *a, const struct module *s, const char *const *known, size_t n,
		    size_t nfunctions, const char *unknown, struct diags *d)
{
	const struct value *names = vm_names(s->vm, a);
	const char *near;

	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->item[i]->text;
		size_t k = 0;

		while (k < n && strcmp(known[k], name) != 0)
			k++;
		if (k < nfunctions && !vm_has(s->vm, name))
			diag_error(d, vm_find(s->vm, name, 1), "'%s' must be a function", name);
		if (k == n && (near = diag_nearest(name, known, n)))
			diag_warning(d, vm_find(s->vm, name, 1), "%s is called '%s' (did you mean "
				     "'%s'?)", unknown, name, near);
	}
}

static void
modules_check_events(struct arena *a, const struct module *s, struct diags *d)
{
	const char *all[EVENT_COUNT];

	for (enum event e = 0; e < EVENT_COUNT; e++)
		all[e] = event_name(e);
	modules_check_names(a, s, all, EVENT_COUNT, EVENT_COUNT, "no event", d);
}

static unsigned
modules_events_of(const struct module *s, const struct spec_hook *spec, struct diags *d)
{
	unsigned mask = 0;

	for (size_t i = 0; i < spec->on.n; i++) {
		enum event e = spec->on.v[i].text ? event_find(spec->on.v[i].text) : EVENT_COUNT;

		if (e == EVENT_COUNT)
			continue;       /* reported when the spec was read */
		if (!vm_has(s->vm, event_name(e)))
			diag_error(d, spec->on.v[i].at, "'%s' has no function '%s'", s->file,
				   event_name(e));
		mask |= 1U << e;
	}
	for (enum event e = 0; e < EVENT_COUNT && !spec->on.n; e++)
		if (vm_has(s->vm, event_name(e)))
			mask |= 1U << e;
	return mask;
}

static void
modules_load_hook(struct modules *all, const struct spec_hook *spec, struct diags *d)
{
	struct arena *a = all->arena;
	struct module *s;
	struct hook *h;

	if (!spec->file.text || !(s = module_load(a, all->folder, spec->file.text, spec->file.at, d)))
		return;
	h = vec_push(a, &all->hook);
	*h = (struct hook){.module = s, .spec = spec, .ctx = value_map(a),
		.listens = modules_events_of(s, spec, d),
		.warn = spec->on_error.text && strcmp(spec->on_error.text, "warn") == 0,
		.timeout_s = spec->timeout.value ? (int)spec->timeout.value : HOOK_LIMIT};
	value_set(a, h->ctx, "config", spec->config ? spec_value(a, spec->config) : value_map(a));
	modules_check_events(a, s, d);
	if (!h->listens && !spec->on.n)
		diag_error(d, spec->file.at, "'%s' has no function that is named like an event "
			   "(after_plan, before_step, ...)", s->file);
}

static struct loc
modules_find_word(void *arg, const char *word)
{
	const struct module *s = arg;

	return vm_find(s->vm, word, 1);
}

/* A data member of the file's table, or nil; reports it if it is not plain data. */
static struct value *
modules_member(struct arena *a, const struct module *s, const char *name, struct diags *d)
{
	struct vm_error error = {0};
	struct value *v = vm_data(s->vm, a, name, &error);

	if (!v)
		vm_error_diag(&error, d);
	return v ? v : value_nil(a);
}

/* False: the file has errors and it is not known which kind it defines. */
static bool
modules_load_kind(struct modules *all, struct custom_kinds *user, const struct word *file,
		  struct diags *d)
{
	struct arena *a = all->arena;
	struct module *s = module_load(a, all->folder, file->text, file->at, d);
	static const char *const parts[] = {"observe", "up", "down", "name", "doc", "fields",
		"timeout"};
	struct custom_kind *kind;

	if (!s)
		return false;
	modules_check_names(a, s, parts, countof(parts), 3, "no part of a kind", d);
	struct custom_source source = {
		.file = file->text,
		.at = file->at,
		.name = modules_member(a, s, "name", d),
		.doc = modules_member(a, s, "doc", d),
		.fields = modules_member(a, s, "fields", d),
		.timeout = modules_member(a, s, "timeout", d),
		.observe = vm_has(s->vm, "observe"),
		.up = vm_has(s->vm, "up"),
		.down = vm_has(s->vm, "down"),
		.find = modules_find_word,
		.arg = s,
	};
	kind = custom_kind_read(a, &source, d);
	if (!kind) {
		module_unload(s);
		return false;
	}
	for (size_t i = 0; i < user->n; i++)
		if (strcmp(user->v[i]->kind.name, kind->kind.name) == 0) {
			diag_error(d, file->at, "'%s' and '%s' both define the kind '%s'",
				   user->v[i]->file, file->text, kind->kind.name);
			module_unload(s);
			return true;
		}
	if (!kind->timeout_s)
		kind->timeout_s = KIND_LIMIT;
	*vec_push(a, user) = kind;
	*vec_push(a, &all->kind) = (struct kind_module){s, kind};
	return true;
}

/* The executor of a node, or of a node that left the spec. */
static const struct word *
modules_executor_of(const struct spec *s, size_t i)
{
	return i < s->nnode ? &s->node[i].executor : &s->left.v[i - s->nnode].executor;
}

/* Load the files of executors now, to report their errors before any node is dialled. */
static void
modules_check_executors(struct modules *all, struct spec *spec, struct diags *d)
{
	static const char *const names[] = {"connect", "tunnel"};
	struct arena *a = all->arena;

	for (size_t i = 0; i < spec->nnode + spec->left.n; i++) {
		const struct word *w = modules_executor_of(spec, i);
		struct module *s;
		bool seen = !path_is_lua(w->text);

		for (size_t k = 0; k < i && !seen; k++)
			seen = modules_executor_of(spec, k)->text &&
			       strcmp(modules_executor_of(spec, k)->text, w->text) == 0;
		if (seen || !(s = module_load(a, all->folder, w->text, w->at, d)))
			continue;
		if (!vm_has(s->vm, "connect"))
			diag_error(d, w->at, "'%s' has no function 'connect'", w->text);
		modules_check_names(a, s, names, countof(names), countof(names),
				    "no function of an executor", d);
		modules_remember(all, spec, s);
		module_unload(s);
	}
}

struct modules *
modules_load(struct arena *a, struct spec *spec, struct diags *d)
{
	struct modules *all = ar_new(a, struct modules);
	struct custom_kinds *user = ar_new(a, struct custom_kinds);

	*all = (struct modules){.arena = a, .folder = path_folder(a, spec->src ? spec->src->name : "")};
	for (size_t i = 0; i < spec->hooks.n; i++)
		modules_load_hook(all, &spec->hooks.v[i], d);
	for (size_t i = 0; i < spec->kinds.n; i++)
		if (!modules_load_kind(all, user, &spec->kinds.v[i], d))
			spec->kinds_lost = true;
	for (size_t i = 0; i < all->hook.n; i++)
		modules_remember(all, spec, all->hook.v[i].module);
	for (size_t i = 0; i < all->kind.n; i++)
		modules_remember(all, spec, all->kind.v[i].module);
	modules_check_executors(all, spec, d);
	if (spec->inventory.text)
		modules_remember_file(all, spec, spec->inventory.text);
	spec->custom_kinds = user;
	return all;
}

const struct module *
modules_kind(const struct modules *all, const struct custom_kind *kind)
{
	for (size_t i = 0; all && i < all->kind.n; i++)
		if (all->kind.v[i].kind == kind)
			return all->kind.v[i].module;
	return NULL;
}

void
modules_free(struct modules *all)
{
	for (size_t i = 0; all && i < all->hook.n; i++)
		module_unload(all->hook.v[i].module);
	for (size_t i = 0; all && i < all->kind.n; i++)
		module_unload(all->kind.v[i].module);
}
