/* Asks the Lua file of an executor how to reach a node. */
#include "executors/program/lua_file.h"

#include <fcntl.h>
#include <string.h>

#include "executors/io/file.h"

enum { FILE_MAX = 1024 * 1024, MAX_WORDS = 1024, MAX_WORD = 128 * 1024 };

/* The node as the Lua functions see it. */
static struct value *
lua_file_node_value(struct arena *a, const struct node *node)
{
	struct value *v = value_map(a), *labels = value_map(a);
	const struct spec_node *spec = node->spec ? node->spec : node->member;

	value_set_text(a, v, "name", node->name);
	value_set_text(a, v, "host", node->host);
	value_set_text(a, v, "address", node->address);
	value_set_integer(a, v, "rank", (long long)node->rank);
	value_set_text(a, v, "role", node->role == ROLE_HEAD ? "head" : "worker");
	if (node->gpus >= 0)
		value_set_integer(a, v, "gpus", node->gpus);
	for (size_t i = 0; spec && i < spec->labels.n; i++) {
		const struct pair *p = &spec->labels.v[i];

		value_set_text(a, labels, p->key.text, p->value.text);
	}
	value_set(a, v, "labels", labels);
	return v;
}

static const char *const *
lua_file_argv_of(struct arena *a, const struct value *v, const char *where, struct err *e)
{
	const char **argv;

	if (!v || v->type != VALUE_LIST || v->n == 0) {
		err_set(e, "%s must return a list of strings: a program and its arguments", where);
		return NULL;
	}
	if (v->n > MAX_WORDS) {
		err_set(e, "%s returned more than %d words", where, MAX_WORDS);
		return NULL;
	}
	argv = ar_array(a, const char *, v->n + 1);
	for (size_t i = 0; i < v->n; i++) {
		const struct value *word = v->item[i];

		if (word->type != VALUE_TEXT)
			err_set(e, "%s: word %zu of the list is not a string", where, i + 1);
		else if (strlen(word->text) != word->n)
			err_set(e, "%s: word %zu of the list contains a NUL", where, i + 1);
		else if (word->n > MAX_WORD || (i == 0 && word->n == 0))
			err_set(e, "%s: word %zu of the list is %s", where, i + 1,
				word->n ? "too long" : "empty");
		else {
			argv[i] = word->text;
			continue;
		}
		return NULL;
	}
	return argv;
}

static struct value *
lua_file_failed(struct arena *a, const struct vm_error *why, struct err *e)
{
	err_set(e, "%s", vm_error_line(a, why));
	return NULL;
}

/* The first result of a call that cannot wait; NULL with e set. */
static struct value *
lua_file_call(struct vm *vm, struct arena *a, const char *function, const struct value *const *args,
	      size_t n, struct err *e)
{
	static const struct vm_host alone = {0};
	struct vm_error why = {0};
	struct value *result = NULL;
	struct vm_call *c = vm_call(vm, function, NULL, args, n, &alone);

	switch (vm_step(c)) {
	case VM_DONE:
		result = vm_result(c, a, 0, &why);
		if (!result)
			lua_file_failed(a, &why, e);
		break;
	case VM_FAILED:
		vm_failure(c, a, &why);
		lua_file_failed(a, &why, e);
		break;
	case VM_WAITS:
		err_set(e, "%s: %s() cannot wait for anything", vm_source(vm)->name, function);
		break;
	}
	vm_call_free(c);
	return result;
}

/* The text that was read with the spec is used for the whole run, because a saved plan was
 * made with it. The source has a name that can be opened from here. */
static struct vm *
lua_file_load(struct arena *a, const char *folder, const char *file, const struct node *node,
	      struct err *e)
{
	bool plain = *file == '/' || !folder || strcmp(folder, ".") == 0;
	const char *path = plain ? arena_strdup(a, file) : arena_printf(a, "%s/%s", folder, file);
	struct source *src = ar_new(a, struct source);
	struct vm_error why = {0};
	struct str text = {0};
	struct vm *vm = NULL;
	bool ok = true;

	if (node->file)
		str_add(&text, node->file->text, node->file->n);
	else
		ok = file_read(open(path, O_RDONLY | O_CLOEXEC), path, FILE_MAX, &text, e);
	*src = (struct source){.name = path, .text = arena_strndup(a, str_text(&text), text.len),
		.len = text.len};
	if (ok)
		vm = vm_new(a, src, NULL, &why);
	if (ok && !vm)
		lua_file_failed(a, &why, e);
	str_release(&text);
	return vm;
}

/* Call the function. It returns an argv, or nil where `none` is given. */
static const char *const *
lua_file_ask(struct vm *vm, struct arena *a, const char *function, const struct value *const *args,
	     size_t n, bool *none, struct err *e)
{
	const struct value *result = lua_file_call(vm, a, function, args, n, e);

	if (none)
		*none = result && result->type == VALUE_NIL;
	if (!result || (none && *none))
		return NULL;
	/* "executors/x.lua:12: connect()" */
	return lua_file_argv_of(a, result, arena_printf(a, "%s:%u: %s()", vm_source(vm)->name,
							vm_has(vm, function), function), e);
}

const char *const *
lua_connect(struct arena *a, const char *folder, const char *file, const struct node *node,
	    struct err *e)
{
	const struct value *arg = lua_file_node_value(a, node);
	const char *const *argv = NULL;
	struct vm *vm = lua_file_load(a, folder, file, node, e);

	if (!vm)
		return NULL;
	if (vm_has(vm, "connect"))
		argv = lua_file_ask(vm, a, "connect", &arg, 1, NULL, e);
	else
		err_set(e, "%s has no function connect(node)", vm_source(vm)->name);
	vm_free(vm);
	return argv;
}

const char *const *
lua_tunnel(struct arena *a, const char *folder, const char *file, const struct node *node,
	   const char *host, int port, bool *none, struct err *e)
{
	const struct value *args[] = {lua_file_node_value(a, node), value_text(a, host),
				      value_integer(a, port)};
	const char *const *argv = NULL;
	struct vm *vm = lua_file_load(a, folder, file, node, e);

	*none = vm && !vm_has(vm, "tunnel");
	if (vm && !*none)
		argv = lua_file_ask(vm, a, "tunnel", args, 3, none, e);
	if (vm)
		vm_free(vm);
	return argv;
}
