// Lets `import` find what the runtime brings along where a function's package does not have it.
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || /^([./]|[a-z]+:)/.test(specifier)) {
      throw error;
    }
    try {
      return await next(specifier, { ...context, parentURL: import.meta.url });
    } catch {
      throw error;
    }
  }
}
