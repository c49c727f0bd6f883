import { BrokersStep } from './brokers-step.tsx';
import { GatewayStep } from './gateway-step.tsx';
import { ReviewStep } from './review-step.tsx';
import styles from './setup.module.css';
import { Stepper } from './stepper.tsx';
import { TargetStep } from './target-step.tsx';
import { TimeStep } from './time-step.tsx';
import { TopicsStep } from './topics-step.tsx';
import { useWizard } from './wizard-state.tsx';

const PAGES = {
  gateway: GatewayStep,
  brokers: BrokersStep,
  topics: TopicsStep,
  time: TimeStep,
  target: TargetStep,
  review: ReviewStep,
};

export function Wizard() {
  const { step } = useWizard();
  const Step = PAGES[step];
  return (
    <div className={styles['wizard']}>
      <Stepper />
      <Step key={step} />
    </div>
  );
}
