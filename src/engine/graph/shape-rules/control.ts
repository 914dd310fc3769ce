import { sameShape } from '../../tensor/shape.ts';
import type { ControlOps } from '../ops.ts';
import { input, mismatch, type ShapeRules } from './shape-rule.ts';

export const controlShapes: ShapeRules<ControlOps> = {
  Scan: (inputs, { body, scanned }) => {
    const [runs = 0] = input(inputs, 0).shape;
    body.inputs.forEach(({ name, shape }, index) => {
      const given = input(inputs, index);
      const wanted = index < scanned ? [runs, ...shape] : shape;
      if (!sameShape(given.shape, wanted))
        throw mismatch(`${name} takes [${wanted}], ${given.name} is [${given.shape}]`);
    });
    return body.outputs.map(({ value }) => ({
      dtype: value.dtype,
      shape: [runs, ...value.shape],
    }));
  },
};
