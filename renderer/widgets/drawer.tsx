/** Details of one thing at the right side; Escape closes it and the focus goes back to where it was. */
import { Drawer as MantineDrawer } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

export interface DrawerProps {
  readonly title: ReactNode;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** Pixels, or a Mantine size. */
  readonly width?: number | string;
}

export function Drawer({ title, isOpen, onClose, children, width = 640 }: DrawerProps) {
  const { t } = useTranslation();
  return (
    <MantineDrawer
      opened={isOpen}
      onClose={onClose}
      position="right"
      size={width}
      title={title}
      closeButtonProps={{ 'aria-label': t('widgets.close') }}
      overlayProps={{ backgroundOpacity: 0.25 }}
      transitionProps={{ duration: 120 }}
    >
      {children}
    </MantineDrawer>
  );
}
