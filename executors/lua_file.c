/* Executors that are Lua files: what they say of a node. */
#include "executors/lua_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024, MAX_WORDS = 1024, MAX_WORD = 128 * 1024 };

/* As a source that is named as it can be opened from here. */
static const struct source *
read_source(struct arena *a, const char *folder, const char *file, struct err *e)
{
	const char *path = *file == '/' || !folder || strcmp(folder, ".") == 0
				   ? arena_strdup(a, file) : arena_printf(a, "%s/%s", folder, file);
	struct str text = {.max = FILE_MAX + 1};
	struct source *src = ar_new(a, struct source);
	char block[16 * 1024];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0;

	while (ok && (n = read(fd, block, sizeof block)) != 0 && !text.cut) {
		ok = n > 0 || errno == EINTR;
		if (n > 0)
			str_add(&text, block, (size_t)n);
	}
	if (!ok)
		err_sys(e, "read '%s'", path);
	else if (text.len > FILE_MAX)
		ok = err_set(e, "read '%s': it is larger than %d bytes", path, FILE_MAX);
	if (fd >= 0)
		close(fd);
	*src = (struct source){.name = path, .len = text.len,
			       .text = arena_strndup(a, str_text(&text), text.len)};
	str_release(&text);
	return ok ? src : NULL;
}

/* What the functions get to see of a node. */
static struct value *
node_value(struct arena *a, const struct node *node)
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
argv_of(struct arena *a, const struct value *v, const char *where, struct err *e)
{
	const char **argv;

	if (!v || v->type != VALUE_LIST || v->n == 0) {
		err_set(e, "%s must return a list of texts, a program and its arguments", where);
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
			err_set(e, "%s: word %zu of the list is no text", where, i + 1);
		else if (strlen(word->text) != word->n)
			err_set(e, "%s: word %zu of the list has a NUL in it", where, i + 1);
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
failed(struct arena *a, const struct vm_error *why, struct err *e)
{
	err_set(e, "%s", vm_error_line(a, why));
	return NULL;
}

/* The first result of a call that cannot wait; NULL with e set. */
static struct value *
call(struct vm *vm, struct arena *a, const char *function, const struct value *const *args,
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
			failed(a, &why, e);
		break;
	case VM_FAILED:
		vm_failure(c, a, &why);
		failed(a, &why, e);
		break;
	case VM_WAITS:
		err_set(e, "%s: %s() cannot wait for anything", vm_source(vm)->name, function);
		break;
	}
	vm_call_free(c);
	return result;
}

static struct vm *
load(struct arena *a, const char *folder, const char *file, struct err *e)
{
	const struct source *src = read_source(a, folder, file, e);
	struct vm_error why = {0};
	struct vm *vm = src ? vm_new(a, src, NULL, &why) : NULL;

	if (src && !vm)
		failed(a, &why, e);
	return vm;
}

/* "executors/x.lua:12: connect()" */
static const char *
where(struct arena *a, struct vm *vm, const char *function)
{
	return arena_printf(a, "%s:%u: %s()", vm_source(vm)->name, vm_has(vm, function), function);
}

const char *const *
lua_connect(struct arena *a, const char *folder, const char *file, const struct node *node,
	    struct err *e)
{
	const struct value *arg = node_value(a, node), *result;
	const char *const *argv = NULL;
	struct vm *vm = load(a, folder, file, e);

	if (!vm)
		return NULL;
	if (!vm_has(vm, "connect")) {
		err_set(e, "%s has no function connect(node)", vm_source(vm)->name);
	} else {
		result = call(vm, a, "connect", &arg, 1, e);
		if (result)
			argv = argv_of(a, result, where(a, vm, "connect"), e);
	}
	vm_free(vm);
	return argv;
}

const char *const *
lua_tunnel(struct arena *a, const char *folder, const char *file, const struct node *node,
	   const char *host, int port, bool *none, struct err *e)
{
	const struct value *args[] = {node_value(a, node), value_text(a, host),
				      value_integer(a, port)};
	const struct value *result;
	const char *const *argv = NULL;
	struct vm *vm = load(a, folder, file, e);

	*none = false;
	if (!vm)
		return NULL;
	if (!vm_has(vm, "tunnel")) {
		*none = true;
	} else if ((result = call(vm, a, "tunnel", args, 3, e))) {
		*none = result->type == VALUE_NIL;
		if (!*none)
			argv = argv_of(a, result, where(a, vm, "tunnel"), e);
	}
	vm_free(vm);
	return argv;
}
