/** Asks before something with consequences, and says them; stays open with the reason when it fails. */
import { Button, Group, Modal, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { CallError } from '../client/call-error.ts';
import { ErrorState } from './notices.tsx';

export interface ConfirmProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
  readonly title: string;
  /** What will happen, in words; fields for a reason go here too. */
  readonly children: ReactNode;
  readonly confirmLabel: string;
  /** Of what can't be undone. */
  readonly isDangerous?: boolean;
  readonly isRunning?: boolean;
  readonly isDisabled?: boolean;
  readonly error?: CallError | undefined;
}

export function Confirm(props: ConfirmProps) {
  const { t } = useTranslation();
  const { isOpen, onClose, onConfirm, title, children, error } = props;
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={title}
      closeButtonProps={{ 'aria-label': t('widgets.close') }}
      transitionProps={{ duration: 100 }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onConfirm();
        }}
      >
        <Stack gap="md">
          {children}
          {error !== undefined && <ErrorState error={error} isInline />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('widgets.cancel')}
            </Button>
            <Button
              type="submit"
              {...(props.isDangerous === true ? { color: 'red' } : {})}
              loading={props.isRunning === true}
              disabled={props.isDisabled === true}
              data-autofocus
            >
              {props.confirmLabel}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
