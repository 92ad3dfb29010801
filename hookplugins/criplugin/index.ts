import { forbidden, registerCriPlugin } from '@pouchd/hookplugins';
import { applyRules, PolicyFile } from './policy.ts';

interface Config {
  readonly policyFile: string;
  readonly missing: 'ignore' | 'refuse';
}

const files = new Map<string, PolicyFile>();

registerCriPlugin<Config>({
  async preCreateContainer(container, pod, { config }) {
    const file = files.get(config.policyFile) ?? new PolicyFile(config.policyFile);
    files.set(config.policyFile, file);
    const rules = await file.rules();
    if (!rules && config.missing === 'refuse') throw forbidden(`there is no policy file ${config.policyFile}`);
    applyRules(rules ?? [], container, pod);
  },
});
