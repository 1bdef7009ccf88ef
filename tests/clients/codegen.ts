import type { CodegenConfig } from '@graphql-codegen/cli';

// Types come from the schema that is checked in, as a front end's would.
const config: CodegenConfig = {
  schema: '../../schema/schema.graphql',
  documents: ['src/*.ts'],
  errorsOnly: true,
  emitLegacyCommonJSImports: false,
  generates: {
    './src/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: { Cursor: 'string', DateTime: 'string', Decimal: 'string', LocalDate: 'string', LocalTime: 'string', TimeZone: 'string' },
      },
    },
  },
};

export default config;
